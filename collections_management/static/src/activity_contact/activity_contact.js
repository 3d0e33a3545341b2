import { Activity } from "@mail/core/web/activity";
import { patch } from "@web/core/utils/patch";

/**
 * A task on a customer's file is finished by what came of it: the dialog for contacts.
 */
patch(Activity.prototype, {
    async onClickRegisterContact() {
        const thread = this.thread;
        await this.env.services.action.doActionButton({
            type: "object",
            name: "action_collection_register_contact",
            resModel: "mail.activity",
            resId: this.props.activity.id,
            context: {},
            onClose: () => {
                this.props.onActivityChanged(thread);
                this.props.reloadParentView();
            },
        });
    },
});
