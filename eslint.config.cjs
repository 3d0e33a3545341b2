"use strict";

// Odoo's own rules (addons/test_lint/tests/eslintrc) in today's configuration format.
const globals = {};
for (const name of [
  "odoo",
  "luxon",
  "Chart",
  "document",
  "window",
  "console",
  "setTimeout",
  "clearTimeout",
  "URL",
  "DOMParser",
  "fetch",
]) {
  globals[name] = "readonly";
}

module.exports = [
  {
    files: ["**/static/**/*.js"],
    ignores: ["**/lib/**"],
    languageOptions: { ecmaVersion: 2022, sourceType: "module", globals },
    rules: {
      "no-undef": "error",
      "no-restricted-globals": ["error", "event", "self"],
      "no-const-assign": "error",
      "no-debugger": "error",
      "no-dupe-class-members": "error",
      "no-dupe-keys": "error",
      "no-dupe-args": "error",
      "no-dupe-else-if": "error",
      "no-unsafe-negation": "error",
      "no-duplicate-imports": "error",
      "valid-typeof": "error",
      "no-unused-vars": ["error", { args: "none", caughtErrors: "all" }],
      "prefer-const": "error",
      eqeqeq: "error",
      "no-restricted-syntax": [
        "error",
        "PrivateIdentifier",
        {
          selector:
            "ClassDeclaration[superClass.name='Component']:not(:has(ClassBody.body > PropertyDefinition[key.name='props'][static='true']))",
          message: "Component should declare static props",
        },
        {
          selector:
            "ClassDeclaration[superClass.name='Component']:not(:has(ClassBody.body > PropertyDefinition[key.name='template'][static='true']))",
          message: "Component should declare static template",
        },
        {
          selector: "CallExpression[callee.name='_t'] > :first-child[value=/(.*%s){2,}/]",
          message: "Name the placeholders, so that translators can reorder them",
        },
        {
          selector:
            "CallExpression[callee.object.name='notificationService'][callee.property.name='add'] > Literal:first-child",
          message: "What is said to the user should be translated",
        },
      ],
    },
  },
];
