from odoo import models

PAPER = "collections_management."


class IrActionsReport(models.Model):
    """Our papers, printed without asking the web server for anything.

    They carry their styles. In Odoo's own layout wkhtmltopdf loads style sheets from the web server,
    while a process of that server waits for wkhtmltopdf: with as many prints at once as processes,
    all wait for each other until they are killed, and nobody is answered.
    """

    _inherit = "ir.actions.report"

    def _is_collection_paper(self):
        return len(self) == 1 and (self.report_name or "").startswith(PAPER)

    def _get_layout(self):
        """Override of ``base``: the layout that loads nothing."""
        if self._is_collection_paper():
            return self.env.ref("collections_management.paper_layout")
        return super()._get_layout()

    def _run_wkhtmltopdf(
        self,
        bodies,
        report_ref=False,
        header=None,
        footer=None,
        landscape=False,
        specific_paperformat_args=None,
        set_viewport_size=False,
    ):
        """Override of ``base``: neither running heads nor scripts to wait for."""
        reports = self
        if report_ref and self._get_report(report_ref)._is_collection_paper():
            reports = self.with_context(collection_paper=True)
            header = footer = None
        return super(IrActionsReport, reports)._run_wkhtmltopdf(
            bodies,
            report_ref=report_ref,
            header=header,
            footer=footer,
            landscape=landscape,
            specific_paperformat_args=specific_paperformat_args,
            set_viewport_size=set_viewport_size,
        )

    def _build_wkhtmltopdf_args(self, *args, **options):
        """Override of ``base``: nothing happens on the page once it is loaded, so don't wait a second."""
        command = super()._build_wkhtmltopdf_args(*args, **options)
        if self.env.context.get("collection_paper") and "--javascript-delay" in command:
            command[command.index("--javascript-delay") + 1] = "0"
        return command
