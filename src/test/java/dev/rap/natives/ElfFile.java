package dev.rap.natives;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * What a 64-bit little-endian shared object needs and gives.
 *
 * @see <a href="https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html">System V ABI</a>,
 *     chapter 4, and the Linux Standard Base, "Symbol Versioning"
 */
final class ElfFile {
  private static final int SHT_DYNSYM = 11;
  private static final int SHT_GNU_VERNEED = 0x6ffffffe;
  private static final int SHT_DYNAMIC = 6;
  private static final short ABSOLUTE = (short) 0xfff1; // the name of a version, not a symbol
  private static final int DT_NEEDED = 1;
  private static final int DT_SONAME = 14;

  private final ByteBuffer bytes;
  private final Map<Integer, List<Section>> sections = new HashMap<>(); // by type
  private final List<Section> all = new ArrayList<>();

  private record Section(int type, long offset, long size, int link, int info) {}

  ElfFile(byte[] file) {
    this.bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.getInt(0) != 0x464c457f || bytes.get(4) != 2 || bytes.get(5) != 1) {
      throw new IllegalArgumentException("not a 64-bit little-endian ELF file");
    }
    int start = Math.toIntExact(bytes.getLong(0x28));
    int size = bytes.getShort(0x3a);
    for (int i = 0; i < bytes.getShort(0x3c); i++) {
      int at = start + i * size;
      Section section =
          new Section(
              bytes.getInt(at + 4),
              bytes.getLong(at + 0x18),
              bytes.getLong(at + 0x20),
              bytes.getInt(at + 0x28),
              bytes.getInt(at + 0x2c));
      all.add(section);
      sections.computeIfAbsent(section.type(), _ -> new ArrayList<>()).add(section);
    }
  }

  /** {@return versions that other libraries must have, such as GLIBC_2.14} */
  Set<String> neededVersions() {
    Set<String> versions = new TreeSet<>();
    for (Section section : sections.getOrDefault(SHT_GNU_VERNEED, List.of())) {
      long need = section.offset();
      for (int i = 0; i < section.info(); i++) {
        int count = bytes.getShort((int) need + 2);
        long auxiliary = need + bytes.getInt((int) need + 8);
        for (int j = 0; j < count; j++) {
          versions.add(string(section, bytes.getInt((int) auxiliary + 8)));
          auxiliary += bytes.getInt((int) auxiliary + 12);
        }
        need += bytes.getInt((int) need + 12);
      }
    }
    return versions;
  }

  /** {@return libraries that the loader brings along} */
  Set<String> neededLibraries() {
    return dynamicStrings(DT_NEEDED);
  }

  /** {@return the name that others need it by; empty or one} */
  Set<String> soname() {
    return dynamicStrings(DT_SONAME);
  }

  private Set<String> dynamicStrings(int tag) {
    Set<String> strings = new TreeSet<>();
    for (Section section : sections.getOrDefault(SHT_DYNAMIC, List.of())) {
      for (int at = (int) section.offset(); at < section.offset() + section.size(); at += 16) {
        if (bytes.getLong(at) == tag) {
          strings.add(string(section, Math.toIntExact(bytes.getLong(at + 8))));
        }
      }
    }
    return strings;
  }

  /** {@return global and weak symbols that are defined here, functions and variables} */
  Set<String> exports() {
    return symbols(true);
  }

  /** {@return symbols that other libraries must define} */
  Set<String> imports() {
    return symbols(false);
  }

  private Set<String> symbols(boolean defined) {
    Set<String> names = new TreeSet<>();
    for (Section section : sections.getOrDefault(SHT_DYNSYM, List.of())) {
      for (int at = (int) section.offset(); at < section.offset() + section.size(); at += 24) {
        boolean local = bytes.get(at + 4) >> 4 == 0;
        short where = bytes.getShort(at + 6);
        if (!local && where != ABSOLUTE && (where != 0) == defined) {
          names.add(string(section, bytes.getInt(at)));
        }
      }
    }
    return names;
  }

  private String string(Section user, int offset) {
    int start = Math.toIntExact(all.get(user.link()).offset() + offset);
    int end = start;
    while (bytes.get(end) != 0) {
      end++;
    }
    return new String(bytes.array(), start, end - start, StandardCharsets.US_ASCII);
  }
}
