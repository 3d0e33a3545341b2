{
    "name": "Collections",
    "summary": "Remind customers of what they owe: whom, how and why, decided every day",
    "version": "19.0.1.0.0",
    "category": "Accounting/Accounting",
    "author": "Collections for Odoo",
    "license": "LGPL-3",
    "depends": ["account", "mail", "portal", "resource"],
    "external_dependencies": {"python": ["xlsxwriter"]},
    "data": [
        # Security
        "security/collection_security.xml",
        "security/ir.model.access.csv",
        # Data
        "data/mail_activity_type_data.xml",
        "data/collection_channel_data.xml",
        "data/collection_bucket_data.xml",
        "data/collection_contact_policy_data.xml",
        "views/mail_templates.xml",
        "data/mail_template_data.xml",
        "data/collection_strategy_data.xml",
        "data/ir_cron_data.xml",
        # Reports
        "report/collection_notice_letter.xml",
        "report/collection_statement.xml",
        # Wizards
        "wizards/collection_pause_views.xml",
        "wizards/collection_preview_views.xml",
        # Views
        "views/collection_due_item_views.xml",
        "views/collection_notice_views.xml",
        "views/collection_customer_views.xml",
        "views/collection_hold_views.xml",
        "views/collection_strategy_views.xml",
        "views/collection_configuration_views.xml",
        "views/account_move_views.xml",
        "views/account_payment_method_views.xml",
        "views/res_partner_views.xml",
        "views/res_config_settings_views.xml",
        "views/collection_menus.xml",
    ],
    "assets": {
        "web.assets_backend": ["collections_management/static/src/**/*"],
    },
    "pre_init_hook": "pre_init_hook",
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
    "application": True,
}
