/**
 * Jinja, as far as the chat templates in model files need it: text out of a conversation.
 *
 * <p><b>Start reading at</b> {@link dev.rap.template.Template}. A source becomes tokens ({@link
 * dev.rap.template.Lexer}), these a tree ({@link dev.rap.template.Parser}), which {@link
 * dev.rap.template.Interpreter} walks, once for each rendering. Values are Java's: {@code String},
 * {@code Boolean}, {@code BigInteger}, {@code Double}, {@code List}, and what Java lacks of
 * Python's has a class here. Nothing changes a value once it is made, but for namespaces.
 *
 * <p><b>Equal to</b> jinja2 3.1.6 on Python 3.11 with the settings of Transformers, seen by {@code
 * scripts/golden-templates.py}.
 *
 * <p><b>Untrusted.</b> A template reaches nothing but its variables and the clock, and {@link
 * dev.rap.template.Limits} bound its work, depth and memory.
 *
 * <p><b>Errors.</b> What a template does wrong, and what is not known here, ends in a {@link
 * dev.rap.template.TemplateException} with line and column.
 *
 * <p><b>Depends on</b> nothing.
 *
 * @see <a href="https://jinja.palletsprojects.com/en/stable/templates/">Jinja: Template Designer
 *     Documentation</a>
 */
package dev.rap.template;
