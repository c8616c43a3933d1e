package dev.rap.kernels;

import org.openjdk.jmh.annotations.AuxCounters;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** What a call reads and computes, reported by JMH a second beside the calls. */
@AuxCounters(AuxCounters.Type.OPERATIONS)
@State(Scope.Thread)
public class Traffic {
  /** Of weights or keys and values. */
  public long bytes;

  /** A product and a sum are two. */
  public long flops;

  void add(long callBytes, long callFlops) {
    bytes += callBytes;
    flops += callFlops;
  }
}
