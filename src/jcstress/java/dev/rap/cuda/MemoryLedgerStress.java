package dev.rap.cuda;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.J_Result;

/**
 * The device's thread takes memory, gives it back and hands it over, and the tracker's reads what
 * is free together with what is ours: the sum is always the same. Zero stands for a reading that
 * was given up, since changes followed one another.
 */
public final class MemoryLedgerStress {
  private static final long TOTAL = 100;
  private static final long PAGE = 8;

  private MemoryLedgerStress() {}

  private static long sum(MemoryLedger ledger, AtomicLong free) {
    Optional<MemoryLedger.Snapshot<Long>> snapshot = ledger.read(free::get);
    return snapshot.map(read -> read.other() + read.ours()).orElse(0L);
  }

  /** A page is made, and given back. */
  @JCStressTest
  @Outcome(id = "100", expect = Expect.ACCEPTABLE, desc = "free and ours belong together")
  @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "given up")
  @State
  public static class Allocation {
    private final MemoryLedger ledger = new MemoryLedger();
    private final AtomicLong free = new AtomicLong(TOTAL);

    @Actor
    public void device() {
      change(PAGE);
      change(-PAGE);
      change(PAGE);
    }

    private void change(long bytes) {
      ledger.beginChange();
      free.addAndGet(-bytes);
      ledger.add(MemoryOwner.SPARE, bytes);
      ledger.endChange();
    }

    @Actor
    public void tracker(J_Result result) {
      result.r1 = sum(ledger, free);
    }
  }

  /** A page goes from one owner to another. */
  @JCStressTest
  @Outcome(id = "100", expect = Expect.ACCEPTABLE, desc = "no page is seen twice or not at all")
  @Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "given up")
  @State
  public static class HandingOver {
    private final MemoryLedger ledger = new MemoryLedger();
    private final AtomicLong free = new AtomicLong(TOTAL);

    @Actor
    public void device() {
      handOver(MemoryOwner.WEIGHTS, MemoryOwner.SPARE);
      handOver(MemoryOwner.SPARE, MemoryOwner.KV);
    }

    private void handOver(MemoryOwner from, MemoryOwner to) {
      ledger.beginChange();
      ledger.add(from, -PAGE);
      ledger.add(to, PAGE);
      ledger.endChange();
    }

    @Actor
    public void tracker(J_Result result) {
      result.r1 = sum(ledger, free);
    }
  }
}
