/**
 * Who decides what is left out: policies, the profile that they read, the agent and its training.
 *
 * <p><b>Start reading at</b> {@link dev.rap.pruning.PruningPolicy}, then {@link
 * dev.rap.pruning.Policies}; for training at {@link dev.rap.pruning.AgentTrainer}.
 *
 * <p><b>Threads.</b> Policies and profiles are immutable. An {@link dev.rap.pruning.AgentTrainer}
 * belongs to one thread.
 *
 * <p><b>Errors.</b> {@link dev.rap.pruning.BudgetTooSmallException} where no mask fits, {@link
 * dev.rap.InputException} for files and names from outside.
 *
 * <p><b>Depends on</b> {@code model}, {@code memory}, {@code dqn}. Policies never run the model.
 */
package dev.rap.pruning;
