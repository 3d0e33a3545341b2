{
    "name": "Collections: Customer Portal",
    "summary": "Customers see what they owe, and pay, promise, report, dispute or answer by themselves",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Collections for Odoo",
    "license": "LGPL-3",
    "depends": ["collections_management", "account_payment"],
    "data": [
        # Security
        "security/collections_portal_security.xml",
        "security/ir.model.access.csv",
        # Data
        "data/mail_activity_type_data.xml",
        "data/ir_cron_data.xml",
        # Views
        "views/mail_templates.xml",
        "views/portal_templates.xml",
        "views/portal_settle_templates.xml",
        "views/portal_agreement_templates.xml",
        "views/portal_automatic_templates.xml",
        "views/collection_plan_charge_views.xml",
        "views/collection_plan_views.xml",
        "views/collection_portal_request_views.xml",
        "views/collection_customer_views.xml",
        "views/collection_strategy_views.xml",
        "views/res_partner_views.xml",
        "views/res_config_settings_views.xml",
    ],
    "assets": {
        "web.assets_frontend": [
            "collections_portal/static/src/scss/**/*",
            "collections_portal/static/src/js/**/*",
        ],
        "web.assets_tests": ["collections_portal/static/tests/tours/**/*"],
    },
    "auto_install": ["collections_management", "account_payment"],
}
