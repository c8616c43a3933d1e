package dev.rap.kernels;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * A native team: the caller, and threads that do nothing but work for it.
 *
 * <p>Idle threads sleep in the kernel. They are daemons, so a team that nobody closes does not keep
 * the process alive.
 */
final class Team implements AutoCloseable {
  private final MemorySegment team;
  private final List<Thread> threads = new ArrayList<>();
  private boolean closed;

  /**
   * Starts {@code members - 1} threads.
   *
   * @param isa at most {@link #bestIsa()}
   */
  Team(int members, Isa isa) {
    try {
      team = (MemorySegment) CpuFunctions.TEAM_NEW.invokeExact(members, isa.number());
    } catch (Throwable t) {
      throw unexpected(t);
    }
    if (team.equals(MemorySegment.NULL)) {
      throw new IllegalArgumentException(
          "no team of %d threads with %s here".formatted(members, isa));
    }
    try {
      for (int member = 1; member < members; member++) {
        threads.add(start(member));
      }
    } catch (Throwable t) { // no more threads to be had
      close();
      throw t;
    }
  }

  private Thread start(int member) {
    return Thread.ofPlatform()
        .daemon()
        .name("rap-kernel-" + member)
        .start(
            () -> {
              try {
                CpuFunctions.TEAM_WORK.invokeExact(team, member);
              } catch (Throwable t) {
                throw unexpected(t);
              }
            });
  }

  static Isa bestIsa() {
    try {
      return Isa.of((int) CpuFunctions.BEST_ISA.invokeExact());
    } catch (Throwable t) {
      throw unexpected(t);
    }
  }

  /**
   * {@return the native team}
   *
   * @throws IllegalStateException if it has been closed
   */
  MemorySegment address() {
    if (closed) {
      throw new IllegalStateException("kernels used after they were closed");
    }
    return team;
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closed = true;
    try {
      CpuFunctions.TEAM_CLOSE.invokeExact(team);
      join();
      CpuFunctions.TEAM_FREE.invokeExact(team);
    } catch (Throwable t) {
      throw unexpected(t);
    }
  }

  // The native team must outlive its threads, so an interrupt has to wait.
  private void join() {
    boolean interrupted = false;
    for (Thread thread : threads) {
      while (thread.isAlive()) {
        try {
          thread.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  // Liveness and confinement checks of segments throw RuntimeException: those are the caller's.
  static RuntimeException unexpected(Throwable t) {
    if (t instanceof RuntimeException e) {
      return e;
    }
    if (t instanceof Error e) {
      throw e;
    }
    throw new AssertionError("a downcall threw a checked exception", t);
  }
}
