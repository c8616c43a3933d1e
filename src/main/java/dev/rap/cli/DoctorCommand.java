package dev.rap.cli;

import dev.rap.cli.Machine.Check;
import dev.rap.cli.Machine.State;
import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code rap doctor}. */
@Command(
    name = "doctor",
    description = "Says what this machine has and lacks, and how to mend it.",
    exitCodeListHeading = "%nExit code:%n",
    exitCodeList = {"0:RAP works here", "1:a problem stops it, the fix is in the table"})
final class DoctorCommand implements Callable<Integer> {
  private final Console console;

  @Mixin private ReportOption report;

  DoctorCommand(Console console) {
    this.console = console;
  }

  /** The figures of {@code --json}. */
  private record Figures(boolean works, List<Check> checks) {}

  @Override
  public Integer call() {
    Models models = Models.of(console.environment());
    List<Check> checks =
        List.of(
            Machine.java(),
            Machine.nativeAccess(),
            Machine.system(),
            Machine.libc(),
            Machine.processor(),
            Machine.kernels(),
            Machine.memory(),
            Machine.folder("model folder", models.folder(), "XDG_DATA_HOME"),
            Machine.models(models),
            Machine.tools(console.environment()),
            Machine.gpu(),
            Machine.cudaKernels(),
            Machine.cublas());
    long problems = checks.stream().filter(check -> check.state() == State.PROBLEM).count();
    report.print(console, new Figures(problems == 0, checks), out -> print(out, checks));
    if (problems > 0) {
      console.err().println("rap: %d of the checks found a problem".formatted(problems));
    }
    return problems == 0 ? 0 : Failures.FAILURE;
  }

  private static void print(PrintWriter out, List<Check> checks) {
    for (Check check : checks) {
      String mark =
          switch (check.state()) {
            case OK -> "ok";
            case NOTE -> "note";
            case PROBLEM -> "PROBLEM";
          };
      out.printf("%-8s %-14s %s%n", mark, check.name(), check.found());
      if (!check.fix().isEmpty()) {
        out.printf("%-8s %-14s -> %s%n", "", "", check.fix());
      }
    }
  }
}
