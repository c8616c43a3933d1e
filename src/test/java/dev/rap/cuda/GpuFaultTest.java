package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** What a fault of a kernel leads to, in a process of its own, whose context is lost by it. */
@Tag("gpu")
class GpuFaultTest {
  @Test
  void lostContextIsSaidAndThenClosedQuietly() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                KernelFault.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    process.getOutputStream().close();
    String lost =
        "true the GPU context is lost after an illegal memory access was encountered"
            + " (CUDA_ERROR_ILLEGAL_ADDRESS, 700) in waiting for a stream: restart the process";
    String printed = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(List.of(lost, lost, "true", "closed"), printed.lines().toList());
    assertEquals(0, process.waitFor());
  }
}
