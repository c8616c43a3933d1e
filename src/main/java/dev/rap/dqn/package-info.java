/**
 * A deep Q-network in plain Java. It sees {@code float[]} observations and {@code int} actions, and
 * knows nothing of models or pruning.
 *
 * <p><b>Start reading at</b> {@link dev.rap.dqn.DqnTrainer}.
 *
 * <p><b>Threads.</b> A trainer and its environment belong to one thread. {@link
 * dev.rap.dqn.QNetwork} may be read by many threads while nobody trains it, each with {@link
 * dev.rap.dqn.QNetwork.Activations} of its own.
 *
 * <p><b>Errors.</b> {@code IllegalArgumentException} for a caller's mistake.
 *
 * <p><b>Depends on</b> nothing.
 */
package dev.rap.dqn;
