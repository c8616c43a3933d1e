package dev.rap.cuda;

import java.util.stream.Collectors;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.L_Result;

/** The tracker's thread adds three samples where two are kept, and another reads them. */
@JCStressTest
@Outcome(
    id = {"", "1", "12", "23"},
    expect = Expect.ACCEPTABLE,
    desc = "the newest, in order")
@State
public class MemoryHistoryStress {
  private final MemoryHistory history = new MemoryHistory(2);

  @Actor
  public void tracker() {
    for (int i = 1; i <= 3; i++) {
      history.add(new MemorySample(i, 0, 0, 0, 0, 0, 0, 0, 0));
    }
  }

  @Actor
  public void reader(L_Result result) {
    result.r1 =
        history.all().stream()
            .map(sample -> Long.toString(sample.nanos()))
            .collect(Collectors.joining());
  }
}
