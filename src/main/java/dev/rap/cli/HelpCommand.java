package dev.rap.cli;

import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code rap help}: the same as {@code --help}, for those who type it in this order. */
@Command(name = "help", description = "Explains a command.")
final class HelpCommand implements Runnable {
  @Parameters(paramLabel = "COMMAND", arity = "0..1", description = "The command to explain.")
  private String name;

  @Spec private CommandSpec spec;

  @Override
  public void run() {
    CommandLine root = spec.commandLine().getParent();
    CommandLine command = name == null ? root : root.getSubcommands().get(name);
    if (command == null) {
      throw new ParameterException(root, "there is no command '%s'".formatted(name));
    }
    command.usage(root.getOut());
  }
}
