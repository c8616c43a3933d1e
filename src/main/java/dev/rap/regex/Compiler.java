package dev.rap.regex;

import dev.rap.regex.Node.Greed;
import java.util.ArrayList;
import java.util.List;

/** Writes a tree of {@link Node}s down as {@link Step}s. */
final class Compiler {
  /** The most steps of an expression; those of real tokenizers have less than a hundred. */
  private static final int MOST_STEPS = 20_000;

  private static final int FARTHEST_BEHIND = 255; // code points

  private final List<Step> steps = new ArrayList<>();
  private int parts; // written out, those without a step too
  private int registers;

  private Compiler() {}

  /** What an expression is compiled to. */
  record Program(List<Step> steps, int registers, CharSet first) {}

  static Program compile(Node node) {
    Compiler compiler = new Compiler();
    compiler.add(node);
    compiler.add(new Step.End());
    return new Program(
        List.copyOf(compiler.steps),
        compiler.registers,
        node.fewest() > 0 ? node.first() : CharSet.ALL);
  }

  private int add(Step step) {
    requireShort(steps.size());
    steps.add(step);
    return steps.size() - 1;
  }

  private static void requireShort(int count) {
    if (count >= MOST_STEPS) {
      throw new IllegalArgumentException(
          "the expression is longer than %d steps when its loops are written out"
              .formatted(MOST_STEPS));
    }
  }

  private void add(Node node) {
    requireShort(parts++);
    switch (node) {
      case Node.One one -> add(new Step.One(one.set()));
      case Node.Sequence all -> all.parts().forEach(this::add);
      case Node.Choice any -> addChoice(any.alternatives());
      case Node.Repeat loop -> addRepeat(loop);
      case Node.Atomic atomic -> addAtomic(atomic.part());
      case Node.Look look -> addLook(look);
      case Node.At at -> add(new Step.At(at.place()));
    }
  }

  private void addChoice(List<Node> alternatives) {
    List<Integer> jumps = new ArrayList<>();
    for (Node alternative : alternatives.subList(0, alternatives.size() - 1)) {
      int at = add(new Step.End()); // replaced when it is known where the next one begins
      add(alternative);
      jumps.add(add(new Step.End()));
      boolean selective = alternative.fewest() > 0 && alternative.first() != CharSet.ALL;
      steps.set(
          at,
          selective
              ? new Step.Try(alternative.first(), steps.size())
              : new Step.Fork(steps.size()));
    }
    add(alternatives.getLast());
    jumps.forEach(jump -> steps.set(jump, new Step.Jump(steps.size())));
  }

  private void addRepeat(Node.Repeat loop) {
    if (loop.part() instanceof Node.One one && loop.greed() != Greed.LAZY) {
      boolean possessive = loop.greed() == Greed.POSSESSIVE;
      add(new Step.Run(one.set(), loop.least(), loop.most(), possessive));
    } else if (loop.greed() == Greed.POSSESSIVE) {
      addAtomic(new Node.Repeat(loop.part(), loop.least(), loop.most(), Greed.GREEDY));
    } else {
      addRounds(loop);
    }
  }

  private void addRounds(Node.Repeat loop) {
    for (int i = 0; i < loop.least(); i++) {
      add(loop.part());
    }
    if (loop.most() == Node.Repeat.UNBOUNDED) {
      addEndless(loop);
      return;
    }
    List<Integer> forks = new ArrayList<>();
    for (int i = loop.least(); i < loop.most(); i++) {
      forks.add(add(new Step.End()));
      add(loop.part());
    }
    forks.forEach(fork -> steps.set(fork, fork(loop, steps.size())));
  }

  private void addEndless(Node.Repeat loop) {
    int fork = add(new Step.End());
    boolean mayStandStill = loop.part().fewest() == 0;
    int register = registers;
    if (mayStandStill) {
      registers++;
      add(new Step.Mark(register));
    }
    add(loop.part());
    int still = mayStandStill ? add(new Step.End()) : -1;
    add(new Step.Jump(fork));
    steps.set(fork, fork(loop, steps.size()));
    if (mayStandStill) {
      steps.set(still, new Step.LeaveIfStill(register, steps.size()));
    }
  }

  private static Step fork(Node.Repeat loop, int exit) {
    return loop.greed() == Greed.LAZY ? new Step.LateFork(exit) : new Step.Fork(exit);
  }

  private void addAtomic(Node part) {
    int at = add(new Step.End());
    add(part);
    add(new Step.End());
    steps.set(at, new Step.Atomic(steps.size()));
  }

  private void addLook(Node.Look look) {
    int at = add(new Step.End());
    add(look.part());
    add(new Step.End());
    if (!look.behind()) {
      steps.set(at, new Step.LookAhead(look.negated(), steps.size()));
      return;
    }
    if (look.part().farthest() > FARTHEST_BEHIND) {
      throw new IllegalArgumentException(
          "the expression looks back over more than %d characters".formatted(FARTHEST_BEHIND));
    }
    steps.set(
        at,
        new Step.LookBehind(
            look.negated(),
            (int) look.part().fewest(),
            (int) look.part().farthest(),
            steps.size()));
  }
}
