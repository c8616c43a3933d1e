package dev.rap.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code rap}: the command that all others belong to. */
@Command(
    name = "rap",
    versionProvider = RapCommand.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "An LLM runtime that bends instead of breaking: it prunes itself to its memory.",
    commandListHeading = "%nCommands:%n",
    footer = {
      "",
      "In a source tree, './rap test' runs every test that needs no GPU.",
      "'./rap COMMAND --help' explains a command.",
      "RAP_TRACE=1 adds the stack trace to an error; RAP_JAVA_OPTIONS holds flags for the JVM."
    })
public final class RapCommand implements Runnable {
  private final Console console;

  @Spec private CommandSpec spec;

  private RapCommand(Console console) {
    this.console = console;
  }

  /** Runs one command and ends the process with its exit code. */
  public static void main(String[] args) {
    // One line a record, unless the user has a format of his own.
    System.getProperties()
        .putIfAbsent("java.util.logging.SimpleFormatter.format", "rap: %4$s: %5$s%6$s%n");
    System.exit(run(Console.ofProcess(), args));
  }

  /** {@return the exit code of the command that {@code args} name, run on {@code console}} */
  static int run(Console console, String... args) {
    try {
      // Not CommandLine.execute, which prints stack traces of its own.
      int code = new CommandLine.RunLast().execute(commandLine(console).parseArgs(args));
      console.out().flush();
      return code;
    } catch (Throwable e) { // the last line of defence: a user sees a sentence, whatever happens
      return new Failures(console).report(e);
    }
  }

  private static CommandLine commandLine(Console console) {
    CommandLine root =
        new CommandLine(new RapCommand(console))
            .addSubcommand(new DemoCommand(console))
            .addSubcommand(new PullCommand(console))
            .addSubcommand(new InspectCommand(console))
            .addSubcommand(new GenerateCommand(console))
            .addSubcommand(new ChatCommand(console))
            .addSubcommand(new PerplexityCommand(console))
            .addSubcommand(new CalibrateCommand(console))
            .addSubcommand(new TrainCommand(console))
            .addSubcommand(new PruneCommand(console))
            .addSubcommand(new EvaluateCommand(console))
            .addSubcommand(new BenchCommand(console))
            .addSubcommand(new DoctorCommand(console))
            .addSubcommand(new HelpCommand())
            .setOut(console.out())
            .setErr(console.err())
            .setUsageHelpWidth(100)
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setAbbreviatedOptionsAllowed(false);
    root.getCommandSpec()
        .addOption(
            OptionSpec.builder("-h", "--help")
                .usageHelp(true)
                .scopeType(ScopeType.INHERIT)
                .description("Explain the command.")
                .build())
        .addOption(
            OptionSpec.builder("-V", "--version")
                .versionHelp(true)
                .description("Print the version.")
                .build());
    return root;
  }

  /** Without a command: the help. */
  @Override
  public void run() {
    spec.commandLine().usage(console.out());
  }

  /** What {@code --version} prints. */
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = RapCommand.class.getPackage().getImplementationVersion();
      return new String[] {
        "rap %s (Java %s, %s %s)"
            .formatted(
                version == null ? "from classes" : version,
                Runtime.version(),
                System.getProperty("os.name"),
                System.getProperty("os.arch"))
      };
    }
  }
}
