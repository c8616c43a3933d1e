/**
 * Sequences in, tokens out: joins the model, its KV cache and the mask in force.
 *
 * <p><b>Start reading at</b> {@link dev.rap.engine.Engine#step()}, then {@link
 * dev.rap.engine.ModelRunner#run()}.
 *
 * <p><b>Threads.</b> An engine and all that it hands out belong to one thread at a time.
 *
 * <p><b>Errors.</b> A request that cannot be served is refused by {@code InputException} when it is
 * submitted; a step does not fail for want of KV blocks, it sends a sequence back to wait.
 *
 * <p><b>Depends on</b> everything below it; does not know how kernels are launched.
 */
package dev.rap.engine;
