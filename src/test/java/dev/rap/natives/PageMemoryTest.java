package dev.rap.natives;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.file.StandardOpenOption.READ;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PageMemoryTest {
  private static final long PAGE = PageMemory.pageSize();

  @Test
  void memoryIsZeroAndPageAligned() {
    try (PageMemory memory = PageMemory.reserve(3 * PAGE + 5)) {
      MemorySegment segment = memory.segment();
      assertEquals(3 * PAGE + 5, segment.byteSize());
      assertEquals(0, segment.address() % PAGE);
      for (long i = 0; i < segment.byteSize(); i++) {
        assertEquals(0, segment.get(JAVA_BYTE, i));
      }
    }
  }

  @Test
  void onlyPagesWhollyWithinARangeAreReleased() {
    try (PageMemory memory = PageMemory.reserve(4 * PAGE)) {
      memory.segment().fill((byte) 7);
      assertEquals(0, memory.release(1, PAGE));
      assertEquals(0, memory.release(PAGE, PAGE - 1));
      assertEquals(0, memory.release(2 * PAGE, 0));
      assertEquals(-1, allSevens(memory), "nothing was whole");

      assertEquals(2 * PAGE, memory.release(PAGE - 1, 2 * PAGE + 2));
      for (long i = 0; i < 4 * PAGE; i++) {
        boolean released = i >= PAGE && i < 3 * PAGE;
        assertEquals(released ? 0 : 7, memory.segment().get(JAVA_BYTE, i));
      }
    }
  }

  private static long allSevens(PageMemory memory) {
    try (PageMemory sevens = PageMemory.reserve(memory.segment().byteSize())) {
      return sevens.segment().fill((byte) 7).mismatch(memory.segment());
    }
  }

  @Test
  void residentMemoryFollowsWritesAndReleases() throws IOException {
    assumeTrue(Files.exists(Path.of("/proc/self/statm")), "needs Linux's /proc");
    long bytes = 64 << 20;
    long before = residentBytes();
    try (PageMemory memory = PageMemory.reserve(bytes)) {
      assertTrue(residentBytes() - before < bytes / 2, "a reservation costs nothing");
      memory.segment().fill((byte) 1);
      long filled = residentBytes();
      assertTrue(filled - before > bytes / 2, "written pages are resident");
      assertEquals(bytes, memory.release(0, bytes));
      assertTrue(filled - residentBytes() > bytes / 2, "released pages are not");
    }
  }

  private static long residentBytes() throws IOException {
    String[] pages = Files.readString(Path.of("/proc/self/statm")).split(" ", 3);
    return Long.parseLong(pages[1]) * PAGE;
  }

  @Test
  void pagesOfAFileThatAreForgottenAreReadAgain(@TempDir Path folder) throws IOException {
    Path file = Files.write(folder.resolve("pages"), new byte[(int) (8 * PAGE)]);
    try (FileChannel channel = FileChannel.open(file, READ);
        Arena arena = Arena.ofConfined()) {
      MemorySegment mapped = channel.map(FileChannel.MapMode.READ_ONLY, 0, 8 * PAGE, arena);
      assumeTrue(PageMemory.canForget(mapped), "needs Linux");
      PageMemory.populate(mapped);
      assertEquals(8 * PAGE, residentBytes(file));

      PageMemory.forget(List.of(mapped.asSlice(1, 2 * PAGE - 2)));
      assertEquals(8 * PAGE, residentBytes(file), "nothing was whole");
      PageMemory.forget(
          List.of(mapped.asSlice(5 * PAGE / 2, PAGE), mapped.asSlice(PAGE, 3 * PAGE / 2)));
      assertEquals(6 * PAGE, residentBytes(file), "a page across the border of two parts goes");
      PageMemory.forget(List.of(mapped.asSlice(5 * PAGE, PAGE), mapped.asSlice(7 * PAGE, PAGE)));
      assertEquals(4 * PAGE, residentBytes(file), "what lies between stays");
      assertEquals(-1, mapped.mismatch(MemorySegment.ofArray(new byte[(int) (8 * PAGE)])));
      assertEquals(8 * PAGE, residentBytes(file));
    }
  }

  private static long residentBytes(Path file) throws IOException {
    List<String> lines = Files.readAllLines(Path.of("/proc/self/smaps"));
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).endsWith(file.toString())) {
        String resident =
            lines.subList(i, lines.size()).stream()
                .filter(line -> line.startsWith("Rss:"))
                .findFirst()
                .orElseThrow();
        return Long.parseLong(resident.replaceAll("\\D", "")) << 10;
      }
    }
    throw new AssertionError(file + " is not mapped");
  }

  @Test
  void onlyPagesOfFilesAreForgotten() {
    try (PageMemory memory = PageMemory.reserve(PAGE)) {
      List<MemorySegment> anonymous = List.of(memory.segment());
      assertThrows(IllegalArgumentException.class, () -> PageMemory.forget(anonymous));
    }
  }

  @Test
  void reservationMayExceedMemory() {
    try (PageMemory memory = PageMemory.reserve(1L << 40)) {
      memory.segment().set(JAVA_BYTE, (1L << 40) - 1, (byte) 1);
      assertEquals(1, memory.segment().get(JAVA_BYTE, (1L << 40) - 1));
    }
  }

  @Test
  void moreThanTheAddressSpaceIsRefused() {
    assertThrows(OutOfMemoryError.class, () -> PageMemory.reserve(1L << 60));
    assertThrows(IllegalArgumentException.class, () -> PageMemory.reserve(0));
  }

  @Test
  void releaseOutsideIsRefused() {
    try (PageMemory memory = PageMemory.reserve(PAGE)) {
      assertThrows(IndexOutOfBoundsException.class, () -> memory.release(0, PAGE + 1));
      assertThrows(IndexOutOfBoundsException.class, () -> memory.release(-1, 1));
    }
  }

  @Test
  void segmentDiesWithItsMemory() {
    PageMemory memory = PageMemory.reserve(PAGE);
    MemorySegment segment = memory.segment();
    memory.close();
    memory.close();
    assertThrows(IllegalStateException.class, () -> segment.get(JAVA_BYTE, 0));
  }
}
