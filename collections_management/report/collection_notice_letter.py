from odoo import api, models


class ReportCollectionNoticeLetter(models.AbstractModel):
    """Notices as letters: the same words and items as the e-mail, without links."""

    _name = "report.collections_management.report_notice_letter"
    _description = "Notice as a Letter"

    @api.model
    def _get_report_values(self, docids, data=None):
        notices = self.env["collection.notice"].browse(docids)
        notices.check_access("read")
        return {
            "doc_ids": docids,
            "doc_model": "collection.notice",
            "docs": notices,
            "letters": notices._prepare_letters(),
        }
