from odoo.http import Controller, request, route


class AlarmLinks(Controller):
    """Where the links of alarms' mails lead: the web client, in the companies of what was told."""

    @route("/collections/alarm/<int:log_id>", type="http", auth="user", readonly=True)
    def open_alarm(self, log_id):
        """Open exactly the list that was told; the web client says it if that is another's."""
        # sudo: only its company is asked for, to choose it for the user if they work there
        log = request.env["collection.alarm.mail"].sudo().browse(log_id).exists()
        content = request.env["collection.alarm.content"]
        companies = content._get_companies_of(request.env.user, log.company_id)
        return self._redirect(f"/odoo/{log_id}/collection-alarm", companies)

    @route("/collections/alarms", type="http", auth="user", readonly=True)
    def open_my_alarms(self):
        """Open “My Alarms” in all companies of the user."""
        return self._redirect("/odoo/collection-my-alarms", request.env.user.company_ids)

    def _redirect(self, path, companies):
        """Go to the web client with some companies chosen, before those that are chosen already."""
        if chosen := companies.ids:
            known = request.cookies.get("cids", "").split("-")
            chosen += [int(id_) for id_ in known if id_.isdigit() and int(id_) not in chosen]
            request.future_response.set_cookie("cids", "-".join(map(str, chosen)))
        return request.redirect(path)
