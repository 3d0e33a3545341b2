import { Interaction } from "@web/public/interaction";
import { registry } from "@web/core/registry";

/** Shows the conversation anew as soon as there is something new in it. */
export class CollectionsConversation extends Interaction {
    static selector = ".o_collections_conversation[data-channel]";

    setup() {
        this.bus = this.services.bus_service;
        this.reload = this.debounced(this.reload, 300);
    }

    start() {
        this.bus.addChannel(this.el.dataset.channel);
        this.bus.subscribe("collections_portal/news", this.reload);
        this.registerCleanup(() => {
            this.bus.unsubscribe("collections_portal/news", this.reload);
            this.bus.deleteChannel(this.el.dataset.channel);
        });
    }

    async reload() {
        const response = await this.waitFor(fetch(this.el.dataset.source));
        if (response.ok) {
            const page = new DOMParser().parseFromString(
                await this.waitFor(response.text()),
                "text/html"
            );
            this.el.replaceChildren(...page.body.childNodes);
        }
    }
}

registry
    .category("public.interactions")
    .add("collections_portal.conversation", CollectionsConversation);
