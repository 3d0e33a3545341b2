from werkzeug.exceptions import NotFound

from odoo.http import Controller, content_disposition, request, route


class DisputeInvoice(Controller):
    @route(
        "/collections/disputes/<int:item_id>/invoice.pdf",
        type="http",
        auth="user",
        methods=["GET"],
    )
    def dispute_invoice(self, item_id):
        """Show the PDF of a disputed invoice to whoever may see the dispute; to others: not found.

        :param int item_id: of collection.dispute.item
        """
        item = request.env["collection.dispute.item"].browse(item_id).exists()
        # sudo: whoever solves the dispute need have no right on invoices
        if not item or not item.has_access("read") or not item.sudo().has_pdf:
            raise NotFound
        name, content = item.sudo()._get_pdf()
        return request.make_response(
            content,
            headers=[
                ("Content-Type", "application/pdf"),
                ("Content-Length", len(content)),
                ("Content-Disposition", content_disposition(name, disposition_type="inline")),
                ("X-Content-Type-Options", "nosniff"),
            ],
        )
