package dev.rap.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * Address space of a device, in which pages come and go. Pages are small, so that small models have
 * many. What lies behind an address is all ones, which is NaN, whenever a page comes.
 */
final class FakePages {
  static final long PAGE_BYTES = 4096;

  private final TreeMap<Long, Range> ranges = new TreeMap<>();
  private final Map<Long, Page> pages = new HashMap<>();
  private long bytes; // of all pages
  private long lastPage = 0x9A6E_0000L;

  private record Page(long bytes, boolean mapped) {}

  private static final class Range {
    final Arena arena = Arena.ofShared();
    final MemorySegment memory;
    final BitSet mapped = new BitSet();
    final Map<Integer, Long> pageAt = new HashMap<>();

    Range(long bytes) {
      this.memory = arena.allocate(bytes, PAGE_BYTES);
    }
  }

  long bytes() {
    return bytes;
  }

  long reserve(long bytes) {
    require(bytes > 0 && bytes % PAGE_BYTES == 0, "reserved bytes are no whole pages");
    Range range = new Range(bytes);
    ranges.put(range.memory.address(), range);
    return range.memory.address();
  }

  void unreserve(long address, long bytes) {
    Range range = ranges.remove(address);
    require(range != null && range.memory.byteSize() == bytes, "no such range");
    require(range.mapped.isEmpty(), "a range was given back with pages in it");
    range.arena.close();
  }

  long newPage(long bytes) {
    require(bytes > 0 && bytes % PAGE_BYTES == 0, "a page of no multiple of the granularity");
    pages.put(++lastPage, new Page(bytes, false));
    this.bytes += bytes;
    return lastPage;
  }

  void closePage(long page) {
    Page closed = pages.remove(page);
    require(closed != null, "no such page");
    require(!closed.mapped(), "a page was given back that is mapped");
    bytes -= closed.bytes();
  }

  void map(long address, long page, long bytes) {
    Range range = range(address).orElseThrow(() -> new AssertionError("mapped outside of ranges"));
    int index = index(range, address);
    Page before = pages.put(page, new Page(bytes, true));
    require(before != null && !before.mapped(), "a page was mapped twice, or never made");
    require(before.bytes() == bytes, "a page was mapped in part");
    int end = index + Math.toIntExact(bytes / PAGE_BYTES);
    require(range.mapped.get(index, end).isEmpty(), "two pages at one address");
    range.mapped.set(index, end);
    range.pageAt.put(index, page);
    range.memory.asSlice(index * PAGE_BYTES, bytes).fill((byte) -1);
  }

  void unmap(long address, long bytes) {
    Range range =
        range(address).orElseThrow(() -> new AssertionError("unmapped outside of ranges"));
    int end = index(range, address + bytes);
    for (int i = index(range, address); i < end; ) {
      Long page = range.pageAt.remove(i);
      require(page != null, "unmapped where no page begins");
      long pageBytes = pages.get(page).bytes();
      pages.put(page, new Page(pageBytes, false));
      int next = i + Math.toIntExact(pageBytes / PAGE_BYTES);
      range.mapped.clear(i, next);
      i = next;
    }
  }

  private static int index(Range range, long address) {
    long offset = address - range.memory.address();
    require(offset % PAGE_BYTES == 0, "not the address of a page");
    return Math.toIntExact(offset / PAGE_BYTES);
  }

  private Optional<Range> range(long address) {
    return Optional.ofNullable(ranges.floorEntry(address))
        .map(Map.Entry::getValue)
        .filter(range -> address < range.memory.address() + range.memory.byteSize());
  }

  /** {@return what is from {@code address} on as far as there are pages; empty if not reserved} */
  Optional<MemorySegment> from(long address) {
    return range(address)
        .map(
            range -> {
              long offset = address - range.memory.address();
              int page = Math.toIntExact(offset / PAGE_BYTES);
              long end = range.mapped.nextClearBit(page) * PAGE_BYTES;
              return range.memory.asSlice(offset, Math.max(0, end - offset));
            });
  }

  /** {@return what has not been given back} */
  List<String> leaks() {
    List<String> leaks = new ArrayList<>();
    ranges.values().forEach(range -> leaks.add("address space"));
    pages.keySet().forEach(page -> leaks.add("page"));
    return leaks;
  }

  private static void require(boolean holds, String failure) {
    if (!holds) {
      throw new AssertionError(failure);
    }
  }
}
