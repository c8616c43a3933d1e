package dev.rap.kv;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class KvBlockPoolTest {

  @Test
  void aTableGrowsByWholeBlocks() {
    KvBlockPool pool = new KvBlockPool(4, 16);
    BlockTable table = new BlockTable();
    assertTrue(pool.reserve(table, 1));
    assertEquals(1, table.blocks());
    assertTrue(pool.reserve(table, 16));
    assertEquals(1, table.blocks());
    assertTrue(pool.reserve(table, 17));
    assertEquals(2, table.blocks());
    assertEquals(2, pool.freeBlocks());
  }

  @Test
  void tooFewBlocksChangeNothing() {
    KvBlockPool pool = new KvBlockPool(2, 16);
    BlockTable table = new BlockTable();
    assertFalse(pool.reserve(table, 33));
    assertEquals(0, table.blocks());
    assertEquals(2, pool.freeBlocks());
  }

  @Test
  void noBlockHasTwoOwners() {
    KvBlockPool pool = new KvBlockPool(37, 4);
    SplittableRandom random = new SplittableRandom(1);
    List<BlockTable> tables = new ArrayList<>();
    for (int step = 0; step < 10_000; step++) {
      if (tables.size() < 8 && random.nextBoolean()) {
        tables.add(new BlockTable());
      }
      if (!tables.isEmpty()) {
        BlockTable table = tables.get(random.nextInt(tables.size()));
        if (random.nextInt(4) == 0) {
          pool.release(table);
        } else {
          pool.reserve(table, table.blocks() * 4 + random.nextInt(20));
        }
      }
      Set<Integer> owned = new HashSet<>();
      int blocks = 0;
      for (BlockTable table : tables) {
        for (int i = 0; i < table.blocks(); i++) {
          owned.add(table.block(i));
          blocks++;
        }
      }
      assertEquals(blocks, owned.size());
      assertEquals(37, blocks + pool.freeBlocks());
    }
  }

  @Test
  void allThatIsTakenLiesBeforeTheEnd() {
    KvBlockPool pool = new KvBlockPool(5, 16);
    assertEquals(0, pool.takenEnd());
    BlockTable first = new BlockTable();
    BlockTable second = new BlockTable();
    pool.reserve(first, 33);
    pool.reserve(second, 1);
    assertEquals(4, pool.takenEnd());
    pool.release(first);
    assertEquals(4, pool.takenEnd());
    pool.release(second);
    assertEquals(0, pool.takenEnd());
  }

  @Test
  void aBlockOutsideTheTableIsRefused() {
    KvBlockPool pool = new KvBlockPool(2, 16);
    BlockTable table = new BlockTable();
    pool.reserve(table, 5);
    assertThrows(IllegalArgumentException.class, () -> table.block(1));
  }
}
