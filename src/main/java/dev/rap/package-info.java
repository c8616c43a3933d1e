/**
 * RAP, an LLM runtime that bends instead of breaking.
 *
 * <p><b>Start reading at</b> {@code dev.rap.engine.Engine}, which joins everything below it.
 *
 * <p><b>Throughout</b> no parameter and no result is {@code null} unless its documentation says so.
 */
package dev.rap;
