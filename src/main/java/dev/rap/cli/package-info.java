/**
 * The command line.
 *
 * <p><b>Start reading at</b> {@link dev.rap.cli.RapCommand}; each command is a class of its own,
 * and {@link dev.rap.cli.Console} is all that it sees of the process around it.
 *
 * <p><b>Output.</b> Results go to standard output, progress and logs to standard error. With {@code
 * --json} the last line of standard output is one JSON document.
 *
 * <p><b>Errors.</b> Exit code 0 is done, 1 a failure, 2 wrong use; {@link dev.rap.cli.Failures}
 * turns every throwable into one of them and one sentence.
 *
 * <p><b>Threads.</b> A command runs on the main thread.
 *
 * <p><b>Depends on</b> everything below it; nothing depends on it.
 */
package dev.rap.cli;
