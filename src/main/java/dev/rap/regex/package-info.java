/**
 * Regular expressions as tokenizer files write them, in Oniguruma's Ruby syntax, over Unicode.
 *
 * <p>{@code java.util.regex} reads other classes out of {@code \s}, {@code \w} and {@code \h},
 * other loops out of {@code {1,3}+}, recurses on long text, and may take for ever; this does not.
 *
 * <p><b>Start reading at</b> {@link dev.rap.regex.Regex}. An expression is parsed by {@link
 * dev.rap.regex.Parser} into a tree of {@link dev.rap.regex.Node}s, which {@link
 * dev.rap.regex.Compiler} writes down as {@link dev.rap.regex.Step}s for {@link
 * dev.rap.regex.Matcher} to follow.
 *
 * <p><b>Threads.</b> A {@link dev.rap.regex.Regex} is shared freely; a {@link
 * dev.rap.regex.Matcher} belongs to one thread.
 *
 * <p><b>Errors.</b> What is no expression, or is not supported, is an {@link
 * java.lang.IllegalArgumentException} whose message is one sentence with the place; an expression
 * that takes too long on a text is an {@link dev.rap.InputException}.
 *
 * <p><b>Depends on</b> nothing.
 */
package dev.rap.regex;
