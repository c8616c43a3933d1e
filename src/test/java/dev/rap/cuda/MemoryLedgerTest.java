package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class MemoryLedgerTest {
  private final MemoryLedger ledger = new MemoryLedger();

  private void change(long bytes) {
    ledger.beginChange();
    ledger.add(MemoryOwner.KV, bytes);
    ledger.endChange();
  }

  @Test
  void readingIsRepeatedIfSomethingChangedMeanwhile() {
    change(5);
    AtomicInteger readings = new AtomicInteger();
    Optional<MemoryLedger.Snapshot<Integer>> snapshot =
        ledger.read(
            () -> {
              if (readings.incrementAndGet() < 3) {
                change(10);
              }
              return readings.get();
            });
    assertEquals(Optional.of(new MemoryLedger.Snapshot<>(3, 0, 25, 0, 0)), snapshot);
  }

  @Test
  void nothingIsReadDuringAChange() {
    ledger.beginChange();
    assertEquals(Optional.empty(), ledger.read(() -> 1));
    ledger.endChange();
    assertEquals(Optional.of(new MemoryLedger.Snapshot<>(1, 0, 0, 0, 0)), ledger.read(() -> 1));
  }
}
