from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import LockError, UserError
from odoo.tools import format_date
from odoo.tools.misc import hash_sign, verify_hash_signed

from odoo.addons.collections_management.models.collection_plan import OPEN

from .collection_plan_charge import LIVE, TASK

SCOPE = "collections_portal.automatic"
VALID_HOURS = 2

STOP_REASONS = [
    ("failed", "It could not be charged, although it was tried several times."),
    ("removed", "The saved payment method can't be used any more."),
    ("foreign", "The saved payment method belongs to somebody else."),
]


class CollectionPlan(models.Model):
    """A plan that is paid by itself: each instalment is charged to what the customer saved for it.

    The customer turns it on and off; the attempts are ``collection.plan.charge``.
    """

    _inherit = "collection.plan"

    charge_token_id = fields.Many2one(
        "payment.token",
        string="Saved Payment Method",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="restrict",
        groups="base.group_system",
    )
    charge_contact_id = fields.Many2one(
        "res.partner",
        string="Turned On By",
        readonly=True,
        copy=False,
        index="btree_not_null",
        ondelete="set null",
        help="The contact of the customer who is told what became of each charge.",
    )
    charge_since = fields.Datetime(string="Turned On", readonly=True, copy=False)
    charge_method = fields.Char(
        string="Payment Method",
        compute="_compute_charge_method",
        compute_sudo=True,
        help="The kind of payment method. Its details are the customer's.",
    )
    charge_failure = fields.Char(
        string="Last Failed Charge",
        readonly=True,
        copy=False,
        help="Since the last one that succeeded.",
    )
    charge_stopped = fields.Selection(
        STOP_REASONS,
        string="Why It Was Stopped",
        readonly=True,
        copy=False,
        help="Why automatic payment ended; the customer can turn it on again.",
    )
    is_automatic = fields.Boolean(
        string="Automatic Payment",
        compute="_compute_is_automatic",
        compute_sudo=True,
        store=True,
        help="The customer has the instalments charged to a saved payment method.",
    )
    charge_ids = fields.One2many("collection.plan.charge", "plan_id", string="Charges")
    charge_count = fields.Integer(compute="_compute_charge_count")
    charge_text = fields.Char(
        string="Automatic Payment Says", compute="_compute_charge_text", compute_sudo=True
    )

    @api.model
    def _get_system_fields(self):
        """Override: the customer, and what became of charges, decide it."""
        return super()._get_system_fields() | {
            "charge_contact_id",
            "charge_failure",
            "charge_since",
            "charge_stopped",
            "charge_token_id",
            "is_automatic",
        }

    @api.depends("charge_token_id")
    def _compute_is_automatic(self):
        for plan in self:
            plan.is_automatic = bool(plan.charge_token_id)

    @api.depends_context("lang")
    @api.depends("charge_token_id")
    def _compute_charge_method(self):
        for plan in self:
            plan.charge_method = plan.charge_token_id.payment_method_id.name

    @api.depends("charge_ids")
    def _compute_charge_count(self):
        counts = dict(
            self.env["collection.plan.charge"]._read_group(
                [("plan_id", "in", self.ids)], ["plan_id"], ["__count"]
            )
        )
        for plan in self:
            plan.charge_count = counts.get(plan, 0)

    @api.depends_context("lang")
    @api.depends("charge_token_id", "charge_ids.state", "charge_stopped", "state", "next_date")
    def _compute_charge_text(self):
        for plan in self:
            plan.charge_text = plan._get_charge_text()

    def _get_charge_text(self, method=None):
        """Return the sentence that says how automatic payment stands; falsy: it was never on.

        :param str method: what the payment method is called; default: its kind only
        """
        self.ensure_one()
        _ = self.env._
        values = {"method": method or self.charge_method}
        if not self.charge_token_id:
            return self._get_stop_text()
        if self.state == "proposed":
            return _("By %(method)s, once the plan is accepted.", **values)
        states = set(self.charge_ids.mapped("state"))
        if "unknown" in states:
            return _("By %(method)s. We are finding out whether a charge was made.", **values)
        if states & set(LIVE):
            return _("By %(method)s. A charge is on its way.", **values)
        line, day = self._get_next_charge()
        if not line:
            return _("By %(method)s. There is nothing left to charge.", **values)
        return _(
            "By %(method)s. The next charge is of %(amount)s on %(date)s.",
            amount=self.currency_id.format(line.remaining_amount),
            date=format_date(self.env, day),
            **values,
        )

    def _get_stop_text(self):
        """Return why automatic payment was stopped; falsy: it was not."""
        self.ensure_one()
        reasons = dict(self._fields["charge_stopped"]._description_selection(self.env))
        reason = reasons.get(self.charge_stopped)
        return reason and self.env._("It was stopped. %s", reason)

    def _get_next_charge(self):
        """Return the instalment that is charged next, and the day: tuple, of empty ones: none."""
        self.ensure_one()
        today = self.company_id._get_collection_today()
        for line in self.line_ids.filtered(lambda line: not line.settled):
            charges = self.charge_ids.filtered(lambda charge, line=line: charge.line_id == line)
            if "paid" in charges.mapped("state"):
                continue
            retry = charges._get_retry_date() or line.date
            return line, max(line.date, retry, today)
        return self.line_ids.browse(), False

    # ------------------------------------------------------------
    # On the page
    # ------------------------------------------------------------

    def _sign_automatic(self, contact):
        """Return a signed token: this contact may choose how the plan is paid, for two hours."""
        self.ensure_one()
        # sudo: the key of the database signs
        return hash_sign(
            self.sudo().env, SCOPE, [self.id, contact.id], expiration_hours=VALID_HOURS
        )

    @api.model
    def _verify_automatic(self, token):
        """Return the plan and the contact of a signed token, as superuser; None: it is none."""
        # sudo: the signed token is the right of access
        plans = self.sudo()
        try:
            values = verify_hash_signed(plans.env, SCOPE, token or "")
        except (ValueError, IndexError):  # no token of ours
            return None
        if not values:
            return None
        plan = plans.browse(values[0]).exists()
        contact = plans.env["res.partner"].browse(values[1]).exists()
        if not plan or contact.commercial_partner_id != plan.partner_id:
            return None
        return plan, contact

    def _get_charge_method_name(self, user):
        """Return what the payment method is called on the page: its details to whom it belongs."""
        self.ensure_one()
        token = self.charge_token_id
        if token.partner_id != user.partner_id:
            return self.charge_method
        return f"{self.charge_method} {token.display_name}"

    def _can_be_automatic(self):
        """Tell whether the customer may turn automatic payment on."""
        self.ensure_one()
        return self.state in OPEN and bool(self.next_line_id)

    def _turn_on_charges(self, token, contact):
        """Have the instalments charged to a saved payment method from now on.

        :param token: payment.token of the customer
        :param contact: res.partner who turns it on
        :raises UserError: for the customer to read
        """
        self.ensure_one()
        # superuser: a customer has no rights on our records; the page has checked who it is
        plan = self.with_user(SUPERUSER_ID)
        token, contact = token.with_env(plan.env), contact.with_env(plan.env)
        if not plan._can_be_automatic():
            raise UserError(
                self.env._("There is nothing left to charge of plan %s. Thank you!", plan.number)
            )
        if problem := plan._get_token_problem(token):
            reasons = dict(self._fields["charge_stopped"]._description_selection(self.env))
            raise UserError(reasons[problem])
        plan.write(
            {
                "charge_token_id": token.id,
                "charge_contact_id": contact.id,
                "charge_since": fields.Datetime.now(),
                "charge_failure": False,
                "charge_stopped": False,
            }
        )
        plan.activity_unlink([TASK])
        worded = plan.company_id._in_own_language(plan)
        plan._log(
            worded.env._(
                "Automatic payment was turned on by %(contact)s: %(method)s.",
                contact=contact.name,
                method=worded.charge_method,
            )
        )
        plan._write_to_contact(contact)
        plan._charge_soon()

    def _turn_off_charges(self, contact):
        """The customer wants nothing to be charged any more; who turned it on is told.

        :param contact: res.partner who turns it off
        :raises LockError: an instalment is being charged at this moment
        """
        self.ensure_one()
        plan = self.with_user(SUPERUSER_ID)
        if not plan.charge_token_id:
            return
        if not plan.try_lock_for_update(allow_referencing=True):
            raise LockError(f"Plan {plan.id} is being charged")
        plan._end_charges()
        worded = plan.company_id._in_own_language(plan)
        plan._log(worded.env._("Automatic payment was turned off by %s.", contact.name))
        plan._write_to_contact(plan.charge_contact_id)

    def _accept(self, name, signature=None):
        """Override: what is due on the day of the signature is charged at once."""
        super()._accept(name, signature)
        self._charge_soon()

    def _charge_soon(self):
        """Call the job when something is due already."""
        self.ensure_one()
        today = self.company_id._get_collection_today()
        due = self.next_date and self.next_date <= today
        if self.is_automatic and self.state == "active" and due:
            # sudo: scheduled jobs belong to the system
            self.env.ref("collections_portal.ir_cron_charge").sudo()._trigger()

    # ------------------------------------------------------------
    # It ends
    # ------------------------------------------------------------

    def _get_token_problem(self, token):
        """Return why nothing can be charged to a saved payment method: one of ``STOP_REASONS``.

        Falsy: it can.
        """
        self.ensure_one()
        if not token.active or token.provider_id.state == "disabled":
            return "removed"
        # contacts were merged, or moved to another company
        if token.partner_id.commercial_partner_id != self.partner_id:
            return "foreign"
        return False

    def _end_charges(self):
        """Charge nothing any more: the payment method is forgotten here."""
        self.write({"charge_token_id": False, "charge_failure": False})

    def _stop_charges(self, reason):
        """End automatic payment because it can't go on, and tell both sides.

        :param str reason: one of ``STOP_REASONS``
        """
        self.write({"charge_token_id": False, "charge_stopped": reason})
        for plan in self:
            worded = plan.company_id._in_own_language(plan)
            text = worded.env._("Automatic payment: %s", worded._get_stop_text())
            plan._log(text)
            plan._write_to_contact(plan.charge_contact_id)
            plan.activity_schedule(
                TASK,
                date_deadline=plan.company_id._get_collection_today(),
                summary=text,
                user_id=plan._get_charge_user().id,
            )

    def _get_charge_user(self):
        """Return who looks after what can't be charged."""
        self.ensure_one()
        company = self.company_id
        return self.collector_id or company.collection_supervisor_id or self.env.user

    def _write_to_contact(self, contact, charge=None):
        """Write to the customer how automatic payment stands, or what became of a charge.

        It is a confirmation and no claim: it goes whatever the scheme or the contact policy says.
        """
        self.ensure_one()
        contact = contact or self._get_recipient()
        if not contact.email:
            return
        lang = self.customer_id._get_lang(contact)
        plan = self.with_context(lang=lang, mail_create_nosubscribe=True)
        plan.customer_id.message_post_with_source(
            "collections_portal.charge_message",
            render_values={
                "plan": plan,
                "contact": contact,
                "charge": charge and charge.with_env(plan.env),
            },
            subject=plan.env._("Automatic payment of plan %s", plan.number),
            message_type="auto_comment",
            partner_ids=contact.ids,
            author_id=plan.company_id.partner_id.id,
            email_layout_xmlid="collections_management.mail_layout",
            subtype_xmlid="mail.mt_comment",
        )

    def _get_charge_words(self, charge=None):
        """Return the paragraphs of a message to the customer.

        :param charge: collection.plan.charge that it is about; none: automatic payment as a whole
        """
        self.ensure_one()
        _, values = self.env._, {"plan": self.number, "method": self.charge_method}
        if charge:
            return self._get_outcome_words(charge)
        if self.is_automatic:
            return [
                _(
                    "the instalments of your payment plan %(plan)s will be charged on their dates to "
                    "the payment method that you saved (%(method)s). You can turn that off at any time "
                    "on your page.",
                    **values,
                )
            ]
        if self.charge_stopped:
            return [
                _("we no longer charge the instalments of your payment plan %(plan)s.", **values),
                self._get_stop_text(),
                _("Please pay them by yourself, or choose another payment method on your page."),
            ]
        return [
            _(
                "automatic payment of your payment plan %(plan)s was turned off. Please pay the "
                "instalments by yourself.",
                **values,
            )
        ]

    def _get_outcome_words(self, charge):
        _ = self.env._
        values = {
            "plan": self.number,
            "number": charge.number,
            "amount": self.currency_id.format(charge.amount),
            "method": charge.method,
        }
        if charge.state == "paid":
            return [
                _(
                    "we have charged instalment %(number)s of your payment plan %(plan)s, %(amount)s, "
                    "to the payment method that you saved (%(method)s). Thank you!",
                    **values,
                )
            ]
        words = [
            _(
                "we could not charge instalment %(number)s of your payment plan %(plan)s, %(amount)s, "
                "to the payment method that you saved (%(method)s).",
                **values,
            )
        ]
        if charge.failure:
            words.append(_("The payment provider says: %s", charge.failure))
        if charge.retry_on:
            words.append(
                _(
                    "We try again on %s. On your page you can choose another payment method, or pay by "
                    "yourself.",
                    format_date(self.env, charge.retry_on),
                )
            )
        return words

    def _get_page_url(self, contact=None):
        """Override: its page, with a token that opens it; one who decides nothing has none."""
        self.ensure_one()
        contact = contact or self._get_recipient()
        # sudo: a flag of the contact, whoever writes
        if contact.sudo().collection_portal_restricted:
            return False
        return self.customer_id._get_portal_url(contact, f"/plans/{self.id}")

    def action_stop_charges(self):
        """Turn automatic payment off for the customer, who is told."""
        self.check_access("write")
        # sudo: states are the system's
        for plan in self.sudo().filtered("is_automatic"):
            plan._end_charges()
            plan._log(self.env._("Automatic payment was turned off by %s.", self.env.user.name))
            plan._write_to_contact(plan.charge_contact_id)

    def action_open_charges(self):
        """Open the attempts to charge the instalments."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "collections_portal.collection_plan_charge_action"
        )
        return dict(action, domain=[("plan_id", "in", self.ids)], context={})

    @api.ondelete(at_uninstall=False)
    def _unlink_except_charged(self):
        for plan in self.filtered("charge_ids"):
            raise UserError(
                self.env._(
                    "Instalments of %s were charged by themselves: it is part of the customer's "
                    "history and stays. Cancel it instead.",
                    plan.number,
                )
            )

    # ------------------------------------------------------------
    # What is saved by who pays all of it
    # ------------------------------------------------------------

    @api.model
    def _find_offers(self, lines):
        """Return the open plans about some items that let off a discount to who pays all now.

        A proposal is accepted by paying it, so it has to be of one payment.
        """
        if not lines:
            return self.browse()
        plans = self.search(
            [
                ("move_line_ids", "in", lines.ids),
                ("state", "in", OPEN),
                ("discount_amount", ">", 0),
            ]
        )
        return plans.filtered(
            lambda plan: (
                plan.state == "active"
                or (plan._is_offer() and plan.valid_until >= plan._get_today())
            )
        )

    def _get_offer_end(self):
        """Return until when the discount is let off."""
        self.ensure_one()
        return self.valid_until if self.state == "proposed" else self.last_date

    def _get_open_items(self):
        """Return the items that are still to be paid."""
        self.ensure_one()
        return self.move_line_ids.filtered(
            lambda line: line.parent_state == "posted" and not line.reconciled
        )

    def _share_discount(self):
        """Return what is let off of each open item, in proportion: dict id -> amount.

        The last one gets what rounding leaves over.
        """
        self.ensure_one()
        lines, rest = self._get_open_items(), self.discount_amount
        owed = sum(lines.mapped("amount_residual_currency"))
        if self.currency_id.compare_amounts(rest, owed) >= 0:
            return {}
        shares = {}
        for line in lines:
            share = self.discount_amount * line.amount_residual_currency / owed
            shares[line.id] = self.currency_id.round(min(share, rest))
            rest = self.currency_id.round(rest - shares[line.id])
        shares[lines[-1:].id] = self.currency_id.round(shares[lines[-1:].id] + rest)
        return shares
