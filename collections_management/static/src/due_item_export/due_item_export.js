import { Component } from "@odoo/owl";
import { DropdownItem } from "@web/core/dropdown/dropdown_item";
import { _t } from "@web/core/l10n/translation";
import { download } from "@web/core/network/download";
import { registry } from "@web/core/registry";
import { user } from "@web/core/user";
import { useService } from "@web/core/utils/hooks";
import { STATIC_ACTIONS_GROUP_NUMBER } from "@web/search/action_menus/action_menus";

/**
 * Gives the open items that are shown as an Excel workbook with subtotals and ageing.
 */
export class DueItemExport extends Component {
    static template = "collections_management.DueItemExport";
    static components = { DropdownItem };
    static props = {};

    setup() {
        this.ui = useService("ui");
    }

    async onExport() {
        const { domain, context, facets } = this.env.searchModel;
        this.ui.block({ message: _t("Writing the workbook…") });
        try {
            await download({
                url: "/collections/due_items/xlsx",
                data: {
                    domain: JSON.stringify(domain),
                    context: JSON.stringify({ ...context, ...user.context }),
                    filters: this.describe(facets),
                },
            });
        } finally {
            this.ui.unblock();
        }
    }

    /** What was filtered by, in the words of the search bar. */
    describe(facets) {
        return facets
            .filter((facet) => facet.type !== "groupBy")
            .map((facet) => {
                const values = facet.values.join(` ${facet.separator || _t("or")} `);
                return facet.title ? `${facet.title}: ${values}` : values;
            })
            .join("; ");
    }
}

registry.category("cogMenu").add(
    "collections-due-item-export",
    {
        Component: DueItemExport,
        groupNumber: STATIC_ACTIONS_GROUP_NUMBER,
        isDisplayed: async ({ config, searchModel }) =>
            searchModel?.resModel === "collection.due.item" &&
            ["list", "pivot", "graph"].includes(config.viewType) &&
            (await user.hasGroup("base.group_allow_export")),
    },
    { sequence: 11 }
);
