/**
 * Measures models under masks: perplexity, importance, and what policies make of a budget.
 *
 * <p><b>Start reading at</b> {@link dev.rap.eval.Perplexity}, then {@link dev.rap.eval.Calibrator}.
 *
 * <p><b>Threads.</b> One caller at a time; kernels may use a team.
 *
 * <p><b>Depends on</b> {@code dev.rap.engine} and what is below it.
 */
package dev.rap.eval;
