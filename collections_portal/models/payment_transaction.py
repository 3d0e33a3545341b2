import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from odoo import fields, models
from odoo.exceptions import ValidationError


class PaymentTransaction(models.Model):
    _inherit = "payment.transaction"

    collection_order = fields.Json(
        string="Order from the Portal",
        readonly=True,
        copy=False,
        help="What the customer chose to pay on the collections page: rows of item, amount that is "
        "settled of it, and discount for paying early, in the transaction's currency.",
    )
    collection_plan_id = fields.Many2one(
        "collection.plan",
        string="Plan to Be Charged",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The payment plan whose instalments are charged to the payment method that this saves.",
    )
    collection_contact_id = fields.Many2one(
        "res.partner",
        string="Turned On By",
        readonly=True,
        copy=False,
        ondelete="set null",
        help="The contact who saves the payment method for the plan.",
    )
    collection_charge_ids = fields.One2many(
        "collection.plan.charge", "transaction_id", string="Charges"
    )

    # ------------------------------------------------------------
    # Charging an instalment
    # ------------------------------------------------------------

    def _charge_instalment(self):
        """Charge to the saved payment method, as ``_charge_with_token``, which knows no doubt.

        There, a provider that does not answer in time counts as one that says no, and what it has
        taken would be charged again.

        :return: why nobody knows whether it was taken; falsy: the state says so
        """
        self.ensure_one()
        self._log_sent_message()
        try:
            self._send_payment_request()
        except ValidationError as error:
            if self._is_in_doubt(error):
                return str(error)
            self._set_error(str(error))
        return False

    def _is_in_doubt(self, error):
        """Tell whether a request that failed may have done its work all the same."""
        cause = error.__cause__ or error.__context__
        if isinstance(cause, requests.HTTPError):
            return cause.response is None or cause.response.status_code >= 500
        if isinstance(cause, requests.ConnectionError | requests.Timeout):
            return not self._was_never_sent(cause)
        return False

    def _was_never_sent(self, cause):
        """Tell whether no connection was made at all."""
        reason = getattr(cause.args[0], "reason", None) if cause.args else None
        return isinstance(cause, requests.ConnectTimeout) or isinstance(
            reason, NewConnectionError | ConnectTimeoutError
        )

    def _ask_for_charge(self):
        """Hook: ask the provider what became of a transaction by its reference, and process it.

        Odoo has no common way to ask; where nothing is known afterwards, a person is asked.
        """
        self.ensure_one()

    def _post_process(self):
        """Override of ``payment``: the attempt follows its transaction."""
        result = super()._post_process()
        # sudo: whoever looks at the payment's status need not have rights on plans
        charges = self.sudo().collection_charge_ids
        before = charges.mapped("state")
        charges._follow()
        if charges.mapped("state") != before:
            self.env.ref("collections_portal.ir_cron_charge").sudo()._trigger()
        return result

    # ------------------------------------------------------------
    # Saving a payment method for a plan
    # ------------------------------------------------------------

    def _tokenize(self, payment_data):
        """Override of ``payment``: what was saved for a plan pays it from now on."""
        result = super()._tokenize(payment_data)
        # sudo: as above
        plan = self.sudo().collection_plan_id
        if plan and self.token_id and plan._can_be_automatic():
            plan._turn_on_charges(self.token_id, self.sudo().collection_contact_id)
        return result
