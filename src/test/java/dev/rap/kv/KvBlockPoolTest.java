package dev.rap.kv;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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

  @Test
  void aPoolShrinksToWhatIsInUseAndMovesIt() {
    KvBlockPool pool = new KvBlockPool(6, 16);
    BlockTable first = new BlockTable();
    BlockTable second = new BlockTable();
    pool.reserve(first, 48); // 0, 1, 2
    pool.reserve(second, 32); // 3, 4
    assertThrows(IllegalArgumentException.class, () -> pool.shrink(4, List.of(first, second)));
    pool.release(first);
    assertEquals(5, pool.takenEnd());
    assertArrayEquals(new int[] {3, 0, 4, 1}, pool.shrink(2, List.of(second)));
    assertEquals(0, second.block(0));
    assertEquals(1, second.block(1));
    assertEquals(0, pool.freeBlocks());
    assertFalse(pool.reserve(first, 1));
    pool.grow(3);
    assertTrue(pool.reserve(first, 1));
    assertEquals(2, first.block(0));
  }

  // The model: what each table's blocks hold, moved as the pool says.
  @Test
  void whatTablesHoldOutlivesAnyShrinkingAndGrowing() {
    KvBlockPool pool = new KvBlockPool(40, 4);
    SplittableRandom random = new SplittableRandom(2);
    List<BlockTable> tables = new ArrayList<>();
    int[] content = new int[40]; // by block
    List<List<Integer>> expected = new ArrayList<>(); // by table
    int next = 0;
    for (int i = 0; i < 6; i++) {
      tables.add(new BlockTable());
      expected.add(new ArrayList<>());
    }
    for (int step = 0; step < 20_000; step++) {
      int i = random.nextInt(tables.size());
      BlockTable table = tables.get(i);
      int action = random.nextInt(8);
      if (action == 0) {
        pool.release(table);
        expected.get(i).clear();
      } else if (action == 1) {
        int used = pool.blocks() - pool.freeBlocks();
        int target = Math.max(1, random.nextInt(used, pool.blocks() + 1));
        int[] moves = pool.shrink(target, tables);
        Set<Integer> targets = new HashSet<>();
        for (int m = 0; m < moves.length; m += 2) {
          assertTrue(moves[m] >= target && moves[m + 1] < target && targets.add(moves[m + 1]));
          content[moves[m + 1]] = content[moves[m]];
        }
      } else if (action == 2) {
        pool.grow(random.nextInt(pool.blocks(), 41));
      } else if (pool.reserve(table, 4 * table.blocks() + random.nextInt(9))) {
        while (expected.get(i).size() < table.blocks()) {
          content[table.block(expected.get(i).size())] = next;
          expected.get(i).add(next++);
        }
      }
      int owned = 0;
      for (int t = 0; t < tables.size(); t++) {
        assertEquals(expected.get(t).size(), tables.get(t).blocks());
        for (int b = 0; b < tables.get(t).blocks(); b++) {
          assertEquals(expected.get(t).get(b), content[tables.get(t).block(b)]);
          owned++;
        }
      }
      assertEquals(pool.blocks(), owned + pool.freeBlocks());
      assertTrue(pool.takenEnd() <= pool.blocks());
    }
  }
}
