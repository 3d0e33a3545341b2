from odoo import api, models


class ReportCollectionNoticeLetter(models.AbstractModel):
    """A notice as a letter: the same words and items as the e-mail, without links."""

    _name = "report.collections_management.report_notice_letter"
    _description = "Notice as a Letter"

    @api.model
    def _get_report_values(self, docids, data=None):
        notices = self.env["collection.notice"].browse(docids)
        return {
            "doc_ids": docids,
            "doc_model": "collection.notice",
            "docs": notices,
            "letters": [dict(notice._prepare_letter_values(), notice=notice) for notice in notices],
        }
