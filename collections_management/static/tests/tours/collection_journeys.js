import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

const tours = registry.category("web_tour.tours");
const menu = (name) => `[data-menu-xmlid='collections_management.menu_collection_${name}']`;

/** What the person reads of one document in the list that is open: its amount, and why. */
function read(document, ...texts) {
    const row = `.o_data_row:contains("${document}")`;
    return texts.map((text) => ({
        content: `“${text}” of ${document}`,
        trigger: `${row}:contains("${text}")`,
    }));
}

/** A newcomer opens the app and a customer, and sees of each open item why it is or isn't claimed. */
function seeWhy(customer, sentences) {
    return () => [
        stepUtils.showAppsMenuItem(),
        { content: "open the app", trigger: `.o_app${menu("root")}`, run: "click" },
        {
            content: "open the customer",
            trigger: `.o_kanban_record:contains("${customer}"), .o_data_row:contains("${customer}") td[name='partner_id']`,
            run: "click",
        },
        { content: "the file", trigger: `.o_form_view .o_collection_figures` },
        ...Object.entries(sentences).flatMap(([document, texts]) => read(document, ...texts)),
    ];
}

tours.add("collection_see_why", {
    steps: seeWhy("Acme", {
        DUE: ["Claimed today: “First claim”. It will wait for approval.", "$ 100.00"],
        LATER: ["Not due yet. Next: “First claim” on"],
        CREDIT: ["In the customer's favour; it lowers what is claimed."],
    }),
});

tours.add("collection_see_why_in_spanish", {
    steps: seeWhy("Acme", {
        DUE: ["Se reclama hoy: «Primera reclamación». Esperará aprobación."],
        LATER: ["Aún no ha vencido. Próximo: «Primera reclamación» el"],
        CREDIT: ["A favor del cliente; reduce lo que se reclama."],
    }),
});

/** A collector pauses one item with a reason, reads it, and lets the file be decided now. */
tours.add("collection_pause", {
    steps: () => [
        {
            content: "pause the item",
            trigger: ".o_data_row:contains(DUE) button[name='action_pause']",
            run: "click",
        },
        {
            content: "until when",
            trigger: ".modal .o_field_widget[name='until'] input",
            run: "edit 12/31/2099 && press Enter",
        },
        {
            content: "why",
            trigger: ".modal .o_field_widget[name='reason'] input",
            run: "edit Waiting for the credit note",
        },
        {
            content: "confirm",
            trigger: ".modal button[name='action_apply']",
            run: "click",
        },
        ...read("DUE", "Waiting for the credit note"),
        { content: "decide now", trigger: "button[name='action_run_now']", run: "click" },
        {
            content: "told that nothing was made",
            trigger: ".o_notification:contains(Nothing was made)",
        },
    ],
});

/** A supervisor reads a message that waits, changes its words and approves it. */
tours.add("collection_approve", {
    steps: () => [
        {
            content: "open the notice",
            trigger: ".o_data_row:contains(Acme) td[name='step_id']",
            run: "click",
        },
        { content: "its item", trigger: ".o_field_widget[name='line_ids'] tr:contains(DUE)" },
        {
            content: "read the message",
            trigger: "button[name='action_preview']",
            run: "click",
        },
        { content: "the words", trigger: ".modal :contains('Claim: $ 100.00')" },
        { content: "close", trigger: ".modal .btn-close", run: "click" },
        {
            content: "change the words",
            trigger: "body:not(:has(.modal)) button[name='action_edit_message']",
            run: "click",
        },
        {
            content: "a subject of one's own",
            trigger: ".modal .o_field_widget[name='subject'] input",
            run: "edit Our invoice DUE",
        },
        {
            content: "keep and approve",
            trigger: ".modal button[name='action_approve']",
            run: "click",
        },
        {
            content: "it goes",
            trigger: "body:not(:has(.modal)) .o_arrow_button_current:contains(Ready)",
        },
    ],
});

/** An accountant looks for claimed invoices in the native list, groups them, and opens one. */
tours.add("collection_invoice", {
    steps: () => [
        {
            content: "the collection's filters stand in the native list",
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            content: "group by status",
            trigger: ".o_group_by_menu .o_menu_item:contains(Collection Status)",
            run: "click",
        },
        {
            content: "open the group",
            trigger: ".o_group_header:contains(Normal)",
            run: "click",
        },
        {
            content: "open the invoice",
            trigger: ".o_data_row:contains(DUE) td[name='name']",
            run: "click",
        },
        {
            content: "the banner says why",
            trigger: ".o_collection_decision:contains(Claimed today)",
        },
        {
            content: "from here to the customer's file",
            trigger: "button[name='action_open_collection_customer']",
            run: "click",
        },
        { content: "the file", trigger: ".o_form_view .o_collection_figures" },
    ],
});
