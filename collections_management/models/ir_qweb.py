from lxml import etree

from odoo import models
from odoo.tools import ormcache


class IrQweb(models.AbstractModel):
    _inherit = "ir.qweb"

    def _generate_code_uncached(self, template):
        """Override of ``base``: what many customers are written is compiled once.

        Odoo keeps the code of views only; that of a message's template it makes for each mail.
        """
        if self.env.context.get("collection_keep_code") and isinstance(template, etree._Element):
            return self._generate_code_once(etree.tostring(template), template)
        return super()._generate_code_uncached(template)

    @ormcache(
        "source",
        "tuple(self.env.context.get(k) or False for k in self._get_template_cache_keys())",
        cache="templates",
    )
    def _generate_code_once(self, source, template):
        """Return the code of a template, kept by its source.

        :param bytes source: the template as text
        :param template: the same as element
        """
        return super()._generate_code_uncached(template)
