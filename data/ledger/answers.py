"""What customers answered in the last weeks of the demonstration: contacts, agreements, actions.

A story is a generator: what happens with a customer and its invoices, by the models' own methods,
and in between the day (counted from today, as ``-6``) on which it goes on. All stories are told
day by day, as if it were that day, and every day's agreements are judged.
"""

import heapq
import itertools
from datetime import datetime, time, timedelta, timezone

from freezegun import freeze_time

from odoo import Command, fields

CONTACT = "collections_management.contact_result_"
REASON = "collections_management.delay_reason_"
CHANNEL = "collections_management.channel_"
DISPUTE = "collections_management.dispute_reason_"
ACTION = "collections_management.action_type_"


def tell_answers(env, company, users, portal_user=None):
    """Let the customers of a main company have answered, and what came of it.

    :param company: res.company whose customers have their files, schemes and collectors
    :param dict users: res.users by login
    :param portal_user: res.users of a customer that has a plan to sign and an open dispute
    """
    stories = Stories(env, company, users)
    if portal_user:
        stories.begin_with(portal_user.partner_id.commercial_partner_id, stories.visits_portal)
    for needed, story in stories.get_stories(bool(company != env.ref("base.main_company"))):
        stories.begin(story, needed)
    stories.tell()


class Stories:
    """The stories of a company's customers; ``tell`` tells them.

    Deterministic: the customers who owe most come first, one for each story.
    """

    def __init__(self, env, company, users):
        companies = env["res.company"].search([("id", "child_of", company.id)])
        self.env = env(
            context={
                **env.context,
                "allowed_company_ids": companies.ids,
                # what is left on records is for the company's people
                "lang": company.partner_id.lang or env.lang,
                # mails leave when the day is run
                "mail_notify_force_send": False,
            }
        )
        self.company = company.with_env(self.env)
        self.users = users
        self.now = datetime.now(timezone.utc).replace(tzinfo=None)
        self.queue = []
        self.debts = self._find_debts()
        self.counter = itertools.count()

    def get_stories(self, is_second):
        """Return the stories, each with the number of overdue invoices that it takes."""
        some = [
            (2, self.promises_and_breaks),
            (1, self.promises_for_later),
            (1, self.disputes),
            (1, self.makes_no_commitment),
            (3, self.pays_in_instalments),
        ]
        if is_second:
            return some
        return [
            (3, self.is_suspended),
            (3, self.goes_to_court),
            (2, self.waits_for_approval),
            (2, self.goes_to_agency),
            (3, self.pays_in_instalments),
            (3, self.is_late_with_instalment),
            (3, self.breaks_plan),
            (2, self.fulfils_plan),
            (2, self.fulfils_plan_with_discount),
            (2, self.promises_and_breaks),
            (2, self.promises_again_and_again),
            (2, self.promises_and_pays_part),
            (2, self.promises_and_pays),
            (2, self.promises_and_pays_unallocated),
            (2, self.promises_for_today),
            (2, self.promises_for_today),
            (1, self.promises_for_later),
            (2, self.promises_for_later),
            (2, self.promises_and_breaks),
            (2, self.is_promised_by_mistake),
            (2, self.asks_for_plan),
            (1, self.gets_extension),
            (2, self.disputes),
            (1, self.disputes_and_nobody_cares),
            (1, self.disputes_rightly),
            (1, self.disputes_partly_rightly),
            (1, self.disputes_wrongly),
            (1, self.disputed_wrongly_long_ago),
            (1, self.reports_payment_that_came),
            (1, self.reports_payment_to_allocate),
            (2, self.reports_payment_that_does_not_come),
            (1, self.reports_payment_to_look_for),
            (1, self.reports_payment_not_found),
            (1, self.reports_and_withdraws),
            (1, self.makes_no_commitment),
            (1, self.makes_no_commitment),
            (1, self.is_not_reached),
            (1, self.never_got_the_invoice),
            (1, self.has_another_number),
            (1, self.leaves_a_note),
            *([] if "collection.portal.request" not in self.env else self.get_portal_stories()),
        ]

    def get_portal_stories(self):
        """Return what customers asked for by themselves on the portal."""
        return [
            (1, self.promises_on_portal),
            (1, self.reports_on_portal),
            (1, self.disputes_on_portal),
            (2, self.asks_for_plan_on_portal),
            (1, self.changes_data_on_portal),
            (1, self.has_instalments_charged),
            (1, self.has_a_card_that_is_refused),
        ]

    # ------------------------------------------------------------
    # Telling
    # ------------------------------------------------------------

    def _find_debts(self):
        """Return the overdue invoices that nothing holds, by file: who owes most comes first."""
        held = self.env["collection.hold"].search([("open", "=", True)]).move_line_id
        lines = self.env["account.move.line"].search(
            [
                ("company_id", "child_of", self.company.id),
                ("account_id.account_type", "=", "asset_receivable"),
                ("account_id.non_trade", "=", False),
                ("parent_state", "=", "posted"),
                ("move_id.move_type", "=", "out_invoice"),
                ("currency_id", "=", self.company.currency_id.id),
                ("amount_residual", ">", 0),
                ("date_maturity", "<", self.day(-28)),
                ("id", "not in", held.ids),
            ],
            order="date_maturity, id",
        )
        files = self.env["collection.customer"].search(
            [
                ("company_id", "=", self.company.id),
                ("pause_until", "=", False),
                ("overdue", ">", 0),
                ("collector_id", "!=", False),
            ],
            order="overdue desc, id",
        )
        by_partner = lines.grouped(lambda line: line.partner_id.commercial_partner_id)
        return {
            file: by_partner[file.partner_id] for file in files if file.partner_id in by_partner
        }

    def begin(self, story, needed):
        """Let the next customer with so many overdue invoices begin a story; nobody left: nothing."""
        for file, lines in self.debts.items():
            moves = lines.move_id[:needed]
            if len(moves) == needed:
                del self.debts[file]
                self._go_on(story(file, moves._get_collection_open_lines()))
                return

    def begin_with(self, partner, story):
        """Let a customer begin a story about all its open invoices, due or not."""
        file = self.env["collection.customer"].search(
            [("company_id", "=", self.company.id), ("partner_id", "=", partner.id)]
        )
        self.debts.pop(file, None)
        lines = self.env["account.move.line"].search(
            [
                ("company_id", "child_of", self.company.id),
                ("partner_id", "child_of", partner.id),
                ("account_id.account_type", "=", "asset_receivable"),
                ("parent_state", "=", "posted"),
                ("move_id.move_type", "=", "out_invoice"),
                ("amount_residual", ">", 0),
            ],
            order="date_maturity, id",
        )
        self._go_on(story(file, lines))

    def _go_on(self, story):
        """Have a story go on, on the day that it says."""
        day = next(story, None)
        if day is not None:
            heapq.heappush(self.queue, (self._get_workday(day), next(self.counter), story))

    def _get_workday(self, day):
        """Return a day that has passed, or the Friday before it: people don't call on Sundays."""
        return day and day - max(self.day(day).weekday() - 4, 0)

    def tell(self):
        """Tell all stories, day by day."""
        with freeze_time(self.now) as frozen:
            while self.queue:
                day = self.queue[0][0]
                morning = datetime.combine(self.day(day), time(hour=8))
                frozen.move_to(morning if day else self.now)
                while self.queue and self.queue[0][0] == day:
                    self._go_on(heapq.heappop(self.queue)[-1])
                    # today's lie not in the future
                    frozen.tick(timedelta(minutes=17 if day else 0))
                self.env["collection.agreement"]._judge_all(self.company)

    def day(self, number):
        """Return the date so many days from today."""
        return self.now.date() + timedelta(days=number)

    # ------------------------------------------------------------
    # What people do
    # ------------------------------------------------------------

    def ref(self, name):
        return self.env.ref(name)

    def by_collector(self, records, file):
        """Return records as the customer's collector has them."""
        return records.with_user(file.collector_id or self.users["collector"])

    def contact(self, file, result, lines=None, comment=None, why=None, channel="call", **details):
        """Register a contact of the customer's collector; return what was agreed."""
        contacts = self.by_collector(self.env["collection.contact"], file)
        contact = contacts._make(
            file.with_env(contacts.env),
            self.ref(CONTACT + result).with_env(contacts.env),
            lines and lines.with_env(contacts.env),
            details,
            channel_id=self.ref(CHANNEL + channel).id,
            direction="out" if channel == "call" else "in",
            person_id=file.partner_id.child_ids[:1].id,
            comment=comment,
            delay_reason_id=why and self.ref(REASON + why).id,
        )
        return contact._get_agreements().with_env(self.env)

    def pay(self, lines, share=1.0):
        """Let a share of some invoices be paid and allocated."""
        lines = lines.filtered(lambda line: not line.reconciled)
        values = {"payment_date": fields.Date.today(), "group_payment": True}
        dialog = (
            self.env["account.payment.register"]
            .with_context(active_model="account.move.line", active_ids=lines.ids)
            .create(values)
        )
        if share < 1:
            dialog.amount = round(sum(lines.mapped("amount_residual_currency")) * share, 2)
        dialog._create_payments()

    def receive(self, file, amount, label):
        """Let money of a customer come to the bank, which nobody has looked at."""
        return self.env["account.bank.statement.line"].create(
            {
                "journal_id": self._get_bank_journal().id,
                "date": fields.Date.today(),
                "payment_ref": label,
                "partner_id": file.partner_id.id,
                "amount": amount,
            }
        )

    def _get_bank_journal(self):
        journals = self.env["account.journal"]
        return journals.search(
            [("company_id", "=", self.company.id), ("type", "=", "bank")], limit=1
        )

    def receive_unallocated(self, file, amount):
        """Let money of a customer be booked on its account, but not on its invoices."""
        method = self._get_bank_journal().inbound_payment_method_line_ids[:1]
        self.env["account.payment"].create(
            {
                "payment_type": "inbound",
                "partner_type": "customer",
                "partner_id": file.partner_id.id,
                "company_id": self.company.id,
                "journal_id": method.journal_id.id,
                "payment_method_line_id": method.id,
                "amount": amount,
                "date": fields.Date.today(),
                "memo": "A cuenta",
            }
        ).action_post()

    def owed(self, lines, share=1.0):
        """Return a share of what some items are open for, rounded."""
        return round(sum(lines.mapped("amount_residual_currency")) * share, 2)

    def plan(self, file, lines, *days, discount=0.0, **values):
        """Propose a plan of equal instalments, due on some days; the collector's supervisor may."""
        total, off = self.owed(lines), self.owed(lines, discount)
        each = round((total - off) / len(days), 2)
        amounts = [each] * (len(days) - 1) + [round(total - off - each * (len(days) - 1), 2)]
        plans = self.env["collection.plan"].with_user(self.users["supervisor"])
        return plans._make(
            lines.with_env(plans.env),
            schedules={
                self.company.currency_id.with_env(plans.env): [
                    (self.day(day), amount) for day, amount in zip(days, amounts, strict=True)
                ]
            },
            discounts={self.company.currency_id.with_env(plans.env): off},
            **values,
        ).with_env(self.env)

    def pay_instalment(self, plan):
        """Let the next instalment of a plan be paid."""
        self.pay(plan.move_line_ids, plan.next_amount / self.owed(plan.move_line_ids))

    def act(self, lines, action_type, login, **values):
        """Open an action of a person's."""
        actions = self.env["collection.action"].with_user(self.users[login])
        return actions._make(
            lines.with_env(actions.env), type_id=self.ref(ACTION + action_type).id, **values
        )

    def ask_on_portal(self, file, kind, lines, note=None, **data):
        """Let the customer ask for something on the portal; return the request."""
        contact = file._get_recipient()
        requests = self.env["collection.portal.request"]
        key = f"demo-{self.company.id}-{next(self.counter)}"
        return requests._submit(file, contact, kind, lines, key, data, note)

    # ------------------------------------------------------------
    # Promises
    # ------------------------------------------------------------

    def promises_and_pays(self, file, lines):
        yield -24
        self.contact(
            file,
            "promise",
            lines,
            "Lo incluyen en la remesa de la semana que viene",
            "payment_run",
            date_promised=self.day(-17),
        )
        yield -18
        self.pay(lines)

    def promises_and_pays_part(self, file, lines):
        yield -12
        self.contact(
            file,
            "promise",
            lines,
            "Paga todo a final de semana",
            "liquidity",
            date_promised=self.day(-4),
        )
        yield -6
        self.pay(lines, 0.4)
        yield 0  # judged this morning

    def promises_and_breaks(self, file, lines):
        yield -14
        self.contact(
            file,
            "promise",
            lines,
            "Dice que paga cuando cobre de su cliente",
            "waits_for_money",
            date_promised=self.day(-4),
        )
        yield 0

    def promises_again_and_again(self, file, lines):
        yield -27
        self.contact(
            file, "promise", lines, "Paga esta semana", "liquidity", date_promised=self.day(-22)
        )
        yield -14
        self.contact(
            file,
            "promise",
            lines,
            "No pudo; paga el viernes sin falta",
            "liquidity",
            date_promised=self.day(-9),
        )
        yield -3
        self.contact(
            file,
            "promise",
            lines,
            "Espera un préstamo del banco",
            "bank",
            date_promised=self.day(4),
        )

    def promises_and_pays_unallocated(self, file, lines):
        yield -16
        self.contact(file, "promise", lines, "Hará una transferencia", date_promised=self.day(-9))
        yield -11
        self.receive_unallocated(file, self.owed(lines))
        yield -4

    def promises_for_today(self, file, lines):
        yield -6
        self.contact(
            file, "promise", lines, "Paga hoy en ocho", "payment_run", date_promised=self.day(0)
        )

    def promises_for_later(self, file, lines):
        yield -2
        self.contact(
            file,
            "promise",
            lines,
            "Lo paga con la remesa del mes",
            "payment_run",
            date_promised=self.day(8),
        )

    def is_promised_by_mistake(self, file, lines):
        yield -5
        self.contact(file, "promise", lines, "Paga la semana próxima", date_promised=self.day(3))
        contact = self.env["collection.contact"].search([("customer_id", "=", file.id)], limit=1)
        self.by_collector(contact, file).action_undo()

    # ------------------------------------------------------------
    # Other contacts
    # ------------------------------------------------------------

    def makes_no_commitment(self, file, lines):
        yield -12
        self.contact(file, "none", lines, "No sabe cuándo podrá pagar", "liquidity")
        yield -1
        self.contact(file, "none", lines, "Sigue sin fecha; el gerente está de viaje", "approval")

    def is_not_reached(self, file, lines):
        yield -4
        self.contact(file, "not_reached", lines, "No contesta")
        yield 0
        self.contact(file, "not_reached", lines, "Salta el buzón de voz", send=True)

    def never_got_the_invoice(self, file, lines):
        yield 0
        self.contact(
            file, "not_received", lines, "No le consta la factura", "not_received", channel="email"
        )

    def has_another_number(self, file, lines):
        yield -3
        self.contact(file, "wrong_data", lines, "El teléfono es de otra empresa")

    def leaves_a_note(self, file, lines):
        yield -8
        self.contact(
            file, "other", lines, "Cambian de administración: preguntar por Marta", channel="visit"
        )

    # ------------------------------------------------------------
    # Reported payments
    # ------------------------------------------------------------

    def _report(self, file, lines, days_ago, reference):
        return self.contact(
            file,
            "reported",
            lines,
            "Dice que ya lo pagó",
            date_reported=fields.Date.today() - timedelta(days=days_ago),
            means="transfer",
            reference=reference,
        )

    def _accept_money(self, report, records):
        """Look for the money of a report and take the best proposal, as whoever ``records`` are of."""
        report.with_env(records.env).action_look_again()
        matches = self.env["collection.payment.match"].search([("report_id", "=", report.id)])
        matches[:1].with_env(records.env).action_accept()

    def reports_payment_that_came(self, file, lines):
        yield -14
        report = self._report(file, lines, 1, "TR-80412")
        yield -12
        self.receive(file, self.owed(lines), "TRANSF. TR-80412")
        yield -11
        self._accept_money(report, self.env["collection.payment.match"])

    def reports_payment_to_allocate(self, file, lines):
        yield -8
        report = self._report(file, lines, 0, "TR-81190")
        yield -6
        self.receive(file, self.owed(lines), "TRANSF. TR-81190")
        yield -5
        self._accept_money(report, self.by_collector(report, file))

    def reports_payment_that_does_not_come(self, file, lines):
        yield -14
        self._report(file, lines, 2, "TR-79951")

    def reports_payment_to_look_for(self, file, lines):
        yield -1
        self._report(file, lines, 1, "TR-82077")
        yield 0
        self.receive(file, self.owed(lines), "TRANSFERENCIA RECIBIDA TR-82077")

    def reports_payment_not_found(self, file, lines):
        yield -15
        report = self._report(file, lines, 3, "TR-77310")
        yield -7
        report.with_user(self.users["accountant"]).action_not_found()

    def reports_and_withdraws(self, file, lines):
        yield -11
        report = self._report(file, lines, 1, "TR-78800")
        yield -9
        self.by_collector(report, file).action_withdraw()

    # ------------------------------------------------------------
    # Disputes
    # ------------------------------------------------------------

    def _dispute(self, file, lines, reason, comment, share=1.0):
        return self.contact(
            file,
            "dispute",
            lines,
            comment,
            "disagrees",
            reason=self.ref(DISPUTE + reason),
            amounts={self.company.currency_id: self.owed(lines, share)},
        )

    def disputes(self, file, lines):
        yield -2
        self._dispute(file, lines, "damaged", "Dos cajas llegaron rotas", 0.3)

    def disputes_and_nobody_cares(self, file, lines):
        yield -16
        self._dispute(file, lines, "quantity", "Faltaban tres bultos en la entrega", 0.5)

    def disputes_rightly(self, file, lines):
        yield -12
        dispute = self._dispute(file, lines, "price", "No aplicaron el descuento pactado", 0.1)
        yield -4
        dispute.with_user(self.users["supervisor"])._resolve(
            "accepted", answer="El descuento estaba en la oferta."
        )

    def disputes_partly_rightly(self, file, lines):
        yield -13
        dispute = self._dispute(file, lines, "returned", "Devolvió material y no se abonó", 0.5)
        yield -6
        item = dispute.item_ids[:1]
        dispute.with_user(self.users["logistics"])._resolve(
            "partly", {item: round(item.amount / 2, 2)}, answer="Se recibió la mitad."
        )

    def disputes_wrongly(self, file, lines):
        yield -10
        dispute = self._dispute(file, lines, "not_received", "Dice que no recibió el pedido")
        yield -3
        dispute.with_user(self.users["logistics"])._resolve(
            "rejected", answer="Tenemos el albarán firmado."
        )

    def disputed_wrongly_long_ago(self, file, lines):
        yield -26
        dispute = self._dispute(file, lines, "duplicate", "Cree que está facturado dos veces")
        yield -20
        dispute.with_user(self.users["supervisor"])._resolve(
            "rejected", answer="Son dos pedidos distintos."
        )

    # ------------------------------------------------------------
    # Plans
    # ------------------------------------------------------------

    def asks_for_plan(self, file, lines):
        yield -3
        self.contact(file, "plan", lines, "Pide pagar en cuatro meses", "liquidity")
        yield -1
        self.plan(file, lines, 5, 35, 65, 95)

    def gets_extension(self, file, lines):
        yield -6
        plans = self.env["collection.plan"].with_user(self.users["supervisor"])
        plans._extend(lines.with_env(plans.env), self.day(20), note="Vacaciones del contable")

    def pays_in_instalments(self, file, lines):
        yield -27
        plan = self.plan(file, lines, -24, 6, 36, 66)
        plan._confirm("oral")
        yield -24
        self.pay_instalment(plan)

    def is_late_with_instalment(self, file, lines):
        yield -26
        plan = self.plan(file, lines, -22, -2, 18, 38)
        plan._confirm("paper", signed_on=fields.Datetime.now())
        yield -22
        self.pay_instalment(plan)

    def breaks_plan(self, file, lines):
        yield -26
        plan = self.plan(file, lines, -22, -11, 20)
        plan._confirm("oral")
        yield -21
        self.pay_instalment(plan)

    def fulfils_plan(self, file, lines):
        yield -27
        plan = self.plan(file, lines, -20, -10)
        plan._confirm("oral")
        yield -20
        self.pay_instalment(plan)
        yield -10
        self.pay(lines)

    def fulfils_plan_with_discount(self, file, lines):
        yield -25
        plan = self.plan(file, lines, -15, -8, discount=0.1, note="Quita por pago inmediato")
        plan._confirm("oral")
        yield -15
        self.pay_instalment(plan)
        yield -8
        self.pay_instalment(plan)

    # ------------------------------------------------------------
    # Actions
    # ------------------------------------------------------------

    def is_suspended(self, file, lines):
        yield -20
        action = self.act(lines, "suspend", "supervisor", note="No se sirve hasta que pague")
        yield -17
        action.action_done()

    def goes_to_court(self, file, lines):
        yield -26
        action = self.act(lines, "legal", "supervisor", reference="Monitorio 418")
        yield -18
        action.action_done()

    def waits_for_approval(self, file, lines):
        yield -2
        self.act(lines, "legal", self.by_collector(file, file).env.user.login)

    def goes_to_agency(self, file, lines):
        yield -5
        self.act(lines, "agency", "supervisor")

    # ------------------------------------------------------------
    # The portal
    # ------------------------------------------------------------

    def promises_on_portal(self, file, lines):
        yield -2
        self.ask_on_portal(file, "promise", lines, date=str(self.day(5)))

    def reports_on_portal(self, file, lines):
        yield -1
        self.ask_on_portal(
            file,
            "paid",
            lines,
            "Pagado desde la cuenta del otro banco",
            date=str(self.day(-3)),
            means="transfer",
            reference="TR-82314",
        )

    def disputes_on_portal(self, file, lines):
        yield -4
        request = self.ask_on_portal(
            file,
            "dispute",
            lines,
            "El precio no es el acordado",
            reason=self.ref(DISPUTE + "price").id,
        )
        yield -3
        self.by_collector(request, file).action_accept()

    def asks_for_plan_on_portal(self, file, lines):
        yield 0
        self.ask_on_portal(
            file, "plan", lines, "Nos vendría bien en tres pagos", count=3, date=str(self.day(10))
        )

    def changes_data_on_portal(self, file, lines):
        yield 0
        self.ask_on_portal(
            file,
            "details",
            lines.browse(),
            "Enviad las facturas a facturas@nuestra-empresa.example",
        )

    def has_instalments_charged(self, file, lines):
        """A plan signed on the portal, whose first instalment was charged by itself."""
        yield -20
        plan = self.plan(file, lines, -18, 12, 42)
        plan._accept(file._get_recipient().name)
        self._turn_on_charges(plan, "done")
        # the Friday before, on a weekend, is late enough too
        yield -16
        self.env["collection.plan.charge"]._cron_charge()

    def has_a_card_that_is_refused(self, file, lines):
        yield -6
        plan = self.plan(file, lines, -4, 26, 56)
        plan._accept(file._get_recipient().name)
        self._turn_on_charges(plan, "error")
        # still within the days of grace today
        yield -2
        self.env["collection.plan.charge"]._cron_charge()

    def _turn_on_charges(self, plan, outcome):
        """Let a customer have a plan charged to a card, with which charges end so; without demo provider: not."""
        contact = plan._get_recipient()
        card = save_card(self.env, plan.company_id, contact, outcome)
        if card:
            plan._turn_on_charges(card, contact)

    def visits_portal(self, file, lines):
        """The customer of the login: a plan to sign, a saved card, a dispute, and invoices to pay."""
        save_card(self.env, self.company, file.partner_id, "done")
        disputed, planned = (
            lines.filtered(lambda line, move=move: line.move_id == move)
            for move in lines.move_id[:2]
        )
        yield -3
        self._dispute(file, disputed, "damaged", "Cajas golpeadas", 0.2)
        yield -1
        self.plan(file, planned, 7, 37, 67)


def enable_payments(env, companies):
    """Let the portal pay with Odoo's provider that is none, in each main company.

    :param companies: res.company, main ones
    """
    provider = env.ref("payment.payment_provider_demo", raise_if_not_found=False)
    if not provider:
        return
    card = env.ref("payment.payment_method_card")
    for company in companies:
        journal = env["account.journal"].search(
            [("company_id", "=", company.id), ("type", "=", "bank")], limit=1
        )
        own = provider.search(
            [("code", "=", "demo"), ("company_id", "=", company.id)], limit=1
        ) or provider.copy({"company_id": company.id})
        own.write({"state": "test", "is_published": True, "journal_id": journal.id})
        own.payment_method_ids = [Command.link(card.id)]
        # a method may only be active once a provider that is enabled supports it
        card.active = True
        lines = journal.inbound_payment_method_line_ids
        of_provider = lines.filtered(lambda line, own=own: line.payment_provider_id == own)
        of_provider.payment_account_id = (lines - of_provider)[:1].payment_account_id


def save_card(env, company, contact, outcome):
    """Return a card that a contact has saved with the provider of ``enable_payments``; empty: there is none.

    :param str outcome: how charges to it end: ``done``, ``error``, ``pending`` or ``cancel``
    """
    tokens = env["payment.token"]
    provider = env["payment.provider"].search(
        [("code", "=", "demo"), ("company_id", "=", company.id), ("state", "=", "test")], limit=1
    )
    if not provider or not contact:
        return tokens
    return tokens.create(
        {
            "provider_id": provider.id,
            "payment_method_id": env.ref("payment.payment_method_card").id,
            "partner_id": contact.id,
            "payment_details": "4242",
            "provider_ref": "demo",
            "demo_simulated_state": outcome,
        }
    )
