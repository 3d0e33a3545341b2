"""What jobs leave for people to read is in their language, not in the system's."""

from .common import CollectionsCommon


class TestLanguage(CollectionsCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env["res.lang"]._activate_lang("es_ES")
        cls.env["ir.module.module"]._load_module_terms(["collections_management"], ["es_ES"])
        cls.customer = cls._make_customer()
        cls._make_invoice(cls.customer, 100)

    def test_failures_are_told_in_the_language_of_the_company(self):
        self.company.partner_id.lang = "es_ES"
        self.customer.partner_id.email = False
        notice = self.run_day(self.customer)
        self.assertIn("no tiene una dirección de correo electrónico válida", notice.failure)

    def test_tasks_are_in_the_language_of_who_does_them(self):
        self.first.with_context(lang="es_ES").name = "Primera reclamación"
        self.first.channel_ids = self.call
        self.collector.lang = "es_ES"
        self.customer.collector_id = self.collector
        task = self.run_day(self.customer).activity_id
        self.assertEqual(task.summary, "Primera reclamación")
