package dev.rap.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.rap.kv.BlockTable;
import dev.rap.model.RetentionMask;
import dev.rap.model.Sublayer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/** What the sequences of an engine must have, by a book of its own. */
public final class SequenceWatch {
  private final Engine engine;
  private final List<Watched> all = new ArrayList<>();

  private static final class Watched {
    final Sequence sequence;
    final BitSet lost = new BitSet(); // head groups of layers, since it began

    Watched(Sequence sequence) {
      this.sequence = sequence;
    }
  }

  public SequenceWatch(Engine engine) {
    this.engine = engine;
  }

  /** Watches a sequence that was submitted just now. */
  public void add(Sequence sequence) {
    all.add(new Watched(sequence));
  }

  /** {@return sequences that run or wait} */
  public List<Sequence> live() {
    return all.stream().map(watched -> watched.sequence).toList();
  }

  /**
   * Checks, after a step, that each KvBlock has one owner at most, that every sequence has as many
   * as its tokens need, and lacks only head groups that were dropped since it began. Forgets those
   * that have ended.
   */
  public void check() {
    BitSet owned = new BitSet();
    for (Watched watched : all) {
      Sequence sequence = watched.sequence;
      own(sequence.table(), owned);
      if (sequence.status() == Sequence.Status.RUNNING) {
        int blocks = sequence.table().blocks();
        assertTrue(blocks >= blocksFor(sequence.cachedTokens()), "tokens without KvBlocks");
        assertTrue(blocks <= blocksFor(sequence.length()), "KvBlocks without tokens");
        checkPresent(watched);
      } else {
        assertEquals(0, sequence.table().blocks(), "KvBlocks of one that does not run");
        watched.lost.clear();
      }
    }
    assertEquals(engine.kvTokensInUse(), owned.cardinality() * ModelRunner.BLOCK_SIZE);
    assertTrue(owned.length() * ModelRunner.BLOCK_SIZE <= engine.kvTokens());
    all.removeIf(watched -> watched.sequence.status() == Sequence.Status.FINISHED);
  }

  private static void own(BlockTable table, BitSet owned) {
    for (int i = 0; i < table.blocks(); i++) {
      assertFalse(owned.get(table.block(i)), "a KvBlock has two owners");
      owned.set(table.block(i));
    }
  }

  private static int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, ModelRunner.BLOCK_SIZE);
  }

  // Whether it began anew in this step cannot be seen: it may have more than the book says.
  private void checkPresent(Watched watched) {
    RetentionMask mask = engine.mask();
    int headGroups = mask.shape().headGroups();
    byte[] present = watched.sequence.present();
    for (int i = 0; i < present.length; i++) {
      Sublayer attention = new Sublayer(i / headGroups, Sublayer.Kind.ATTENTION);
      if (!mask.retains(attention, i % headGroups)) {
        watched.lost.set(i);
        assertEquals(0, present[i], "a head group that is dropped is taken for there");
      }
      assertTrue(present[i] == 1 || watched.lost.get(i), "a head group is lost for no reason");
    }
  }
}
