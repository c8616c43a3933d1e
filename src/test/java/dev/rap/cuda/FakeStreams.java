package dev.rap.cuda;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Streams that do their work at once, or capture it into graphs. */
final class FakeStreams {
  private final Map<Long, Optional<List<Work>>> captures = new HashMap<>();
  private final Map<Long, List<Work>> graphs = new HashMap<>();

  private record Work(Runnable run, boolean isKernel) {}

  static <T> T known(Map<Long, T> things, long handle, String kind) {
    T thing = things.get(handle);
    if (thing == null) {
      throw new AssertionError("there is no %s 0x%x".formatted(kind, handle));
    }
    return thing;
  }

  void add(long stream) {
    captures.put(stream, Optional.empty());
  }

  void require(long stream) {
    known(captures, stream, "stream");
  }

  void remove(long stream) {
    require(stream);
    captures.remove(stream);
  }

  void queue(long stream, Runnable work, boolean isKernel) {
    known(captures, stream, "stream")
        .ifPresentOrElse(capture -> capture.add(new Work(work, isKernel)), work);
  }

  boolean isCapturing() {
    return captures.values().stream().anyMatch(Optional::isPresent);
  }

  void beginCapture(long stream) {
    require(stream);
    captures.put(stream, Optional.of(new ArrayList<>()));
  }

  void endCapture(long stream, long graph) {
    List<Work> work =
        known(captures, stream, "stream")
            .orElseThrow(() -> new AssertionError("the stream does not capture"));
    captures.put(stream, Optional.empty());
    graphs.put(graph, List.copyOf(work));
  }

  int kernels(long graph) {
    return (int) known(graphs, graph, "graph").stream().filter(Work::isKernel).count();
  }

  void launch(long graph, long stream) {
    known(graphs, graph, "graph").forEach(work -> queue(stream, work.run(), work.isKernel()));
  }

  void removeGraph(long graph) {
    known(graphs, graph, "graph");
    graphs.remove(graph);
  }

  /** {@return what has not been closed} */
  List<String> leaks() {
    List<String> leaks = new ArrayList<>();
    captures.forEach((handle, capture) -> leaks.add("stream"));
    graphs.forEach((handle, work) -> leaks.add("graph"));
    return leaks;
  }
}
