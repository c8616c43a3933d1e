package dev.rap.cli;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/**
 * The script {@code rap}, in a tree of its own, with a Maven and with JDKs that are shell scripts:
 * what it looks for, when it builds, and what it says when it cannot.
 */
@EnabledOnOs(OS.LINUX)
class LauncherTest {
  private static final List<String> TOOLS =
      List.of(
          "bash",
          "cat",
          "cp",
          "dirname",
          "find",
          "flock",
          "grep",
          "head",
          "mkdir",
          "mv",
          "readlink",
          "rm",
          "sed",
          "sh");

  @TempDir private Path folder;

  private Path home; // the tree
  private Path bin; // all of PATH
  private Path jvms; // stands for /usr/lib/jvm

  /** What came of a run. */
  private record Run(int exitCode, String out, String err) {}

  @BeforeEach
  void plant() throws IOException {
    home = Files.createDirectories(folder.resolve("a tree"));
    bin = Files.createDirectories(folder.resolve("bin"));
    jvms = Files.createDirectories(folder.resolve("jvms"));
    for (String tool : TOOLS) {
      String folder = Files.exists(Path.of("/usr/bin", tool)) ? "/usr/bin/" : "/bin/";
      script(bin.resolve(tool), "#!/bin/sh\nexec " + folder + tool + " \"$@\"\n");
    }
    script(
        home.resolve("rap"),
        Files.readString(Path.of("rap")).replace("/usr/lib/jvm", jvms.toString()));
    Files.writeString(home.resolve("pom.xml"), "<project/>");
    Files.createDirectories(home.resolve("src").resolve("main"));
    Files.writeString(home.resolve("src").resolve("main").resolve("A.java"), "class A {}");
    mavenRuns("mkdir -p target && echo jar > target/rap.jar");
  }

  private static void script(Path file, String text) throws IOException {
    Files.writeString(file, text);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private void mavenRuns(String commands) throws IOException {
    script(bin.resolve("mvn"), "#!/bin/sh\necho \"$*\" >> mvn.calls\n" + commands + "\n");
  }

  private Path jdk(Path jdk, String version) throws IOException {
    Files.createDirectories(jdk.resolve("bin"));
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"" + version + "\"\n");
    script(jdk.resolve("bin").resolve("java"), "#!/bin/sh\necho " + version + "\necho \"$*\"\n");
    script(jdk.resolve("bin").resolve("javac"), "#!/bin/sh\n");
    return jdk;
  }

  private Process start(Path javaHome, String... command) throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
    builder.environment().clear();
    builder.environment().put("PATH", bin.toString());
    if (javaHome != null) {
      builder.environment().put("JAVA_HOME", javaHome.toString());
    }
    Process process = builder.start();
    process.getOutputStream().close();
    return process;
  }

  private static Run end(Process process) throws IOException, InterruptedException {
    String out = new String(process.getInputStream().readAllBytes(), UTF_8);
    String err = new String(process.getErrorStream().readAllBytes(), UTF_8);
    return new Run(process.waitFor(), out, err);
  }

  private Run run(Path javaHome, String... args) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(home.resolve("rap").toString()));
    command.addAll(List.of(args));
    return end(start(javaHome, command.toArray(String[]::new)));
  }

  private List<String> mavenCalls() throws IOException {
    Path calls = home.resolve("mvn.calls");
    return Files.exists(calls) ? Files.readAllLines(calls) : List.of();
  }

  @Test
  void buildsOnFirstUseThenRunsWithTheArgumentsAsTheyWere() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25.0.3");
    Run first = run(jdk, "generate", "-p", "two words");
    assertEquals(0, first.exitCode(), first.err());
    assertEquals("rap: building for the first use, this takes a minute or two\n", first.err());
    assertTrue(first.out().startsWith("25.0.3\n"), first.out());
    assertTrue(first.out().contains("a tree/target/launch/rap.jar generate -p two words"));

    Run second = run(jdk, "--version");
    assertEquals("", second.err());
    assertEquals(List.of("-B -q -Dmaven.test.skip=true package"), mavenCalls());
  }

  @Test
  void theCudaJarLiesBesideTheOtherAsLongAsTheBuildMakesOne() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    mavenRuns(
        """
        mkdir -p target && echo jar > target/rap.jar
        echo "$RAP_CUDA_ARCHS" > target/rap-linux-x86_64-cuda.jar
        """);
    run(jdk);
    Path copy = home.resolve("target").resolve("launch").resolve("rap-linux-x86_64-cuda.jar");
    assertEquals("native\n", Files.readString(copy), "for the GPUs of this machine");

    mavenRuns("rm target/rap-linux-x86_64-cuda.jar");
    Files.setLastModifiedTime(home.resolve("pom.xml"), FileTime.from(Instant.now().plusSeconds(1)));
    assertEquals(0, run(jdk).exitCode());
    assertTrue(Files.notExists(copy));
  }

  @Test
  void buildsAgainWhenASourceIsNewerOrGone() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    run(jdk);
    Path source = home.resolve("src").resolve("main").resolve("A.java");
    Files.setLastModifiedTime(source, FileTime.from(Instant.now().plusSeconds(1)));
    assertEquals("rap: building, sources have changed\n", run(jdk).err());
    assertEquals(2, mavenCalls().size());

    Files.delete(source);
    Files.setLastModifiedTime(source.getParent(), FileTime.from(Instant.now().plusSeconds(2)));
    run(jdk);
    assertEquals(3, mavenCalls().size());
  }

  @Test
  void worksThroughSymbolicLinks() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    Path link = Files.createDirectories(folder.resolve("elsewhere")).resolve("rap");
    Files.createSymbolicLink(link, Path.of("..").resolve("a tree").resolve("rap"));
    Path second = Files.createSymbolicLink(folder.resolve("rap-link"), link);
    Run run = end(start(jdk, second.toString()));
    assertEquals(0, run.exitCode(), run.err());
    assertTrue(run.out().contains("a tree/target/launch/rap.jar"), run.out());
  }

  @Test
  void startsThatComeTogetherBuildOnce() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    List<Process> processes = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      processes.add(start(jdk, home.resolve("rap").toString()));
    }
    for (Process process : processes) {
      Run run = end(process);
      assertEquals(0, run.exitCode(), run.err());
      assertTrue(run.out().startsWith("25\n"), run.out());
    }
    assertEquals(1, mavenCalls().size());
  }

  @Test
  void aBuildThatFailsShowsTheErrorsAndWhereTheRestIs() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    mavenRuns("echo noise; echo '[ERROR] A.java:[1,1] wrong'; echo '[ERROR] [Help 1] x'; exit 1");
    Run run = run(jdk);
    assertEquals(1, run.exitCode());
    assertEquals(
        """
        rap: building for the first use, this takes a minute or two
        [ERROR] A.java:[1,1] wrong
        rap: the build failed, all of it is in %s/target/build.log
        """
            .formatted(home),
        run.err());
    // The next start tries again.
    run(jdk);
    assertEquals(2, mavenCalls().size());
  }

  @Test
  void aBuildWithoutANetworkSaysSo() throws Exception {
    mavenRuns("echo '[ERROR] Could not transfer artifact x'; exit 1");
    Run run = run(jdk(folder.resolve("jdk"), "25"));
    assertTrue(run.err().contains("could not download what it needs: check the network"));
  }

  @Test
  void javaHomeComesFirstIfItIsNewEnoughThenTheSystemsThenPath() throws Exception {
    Path seventeen = jdk(folder.resolve("old"), "17.0.15");
    jdk(jvms.resolve("java-26"), "26-ea");
    jdk(jvms.resolve("temurin-25"), "25.0.3");
    assertTrue(run(jdk(folder.resolve("new"), "27"), "x").out().startsWith("27\n"));
    assertTrue(run(seventeen, "x").out().startsWith("25.0.3\n"));
    Files.writeString(jvms.resolve("temurin-25").resolve("release"), "JAVA_VERSION=\"21.0.1\"\n");
    assertTrue(run(null, "x").out().startsWith("26-ea\n"));
    Files.writeString(jvms.resolve("java-26").resolve("release"), "JAVA_VERSION=\"1.8.0_402\"\n");
    Path onPath = jdk(folder.resolve("path-jdk"), "25");
    Files.createSymbolicLink(bin.resolve("java"), onPath.resolve("bin").resolve("java"));
    assertTrue(run(null, "x").out().startsWith("25\n"));
  }

  @Test
  void withoutJdk25OneSentenceSaysWhatToInstall() throws Exception {
    Run none = run(null);
    assertEquals(1, none.exitCode());
    assertEquals(
        "rap: needs JDK 25 or newer and found none: install one (for instance Temurin 25 from"
            + " adoptium.net) or set JAVA_HOME to it\n",
        none.err());
    jdk(jvms.resolve("java-17"), "17.0.15");
    assertTrue(
        run(null).err().contains("found only 17 in " + jvms.resolve("java-17") + ": install"));
  }

  @Test
  void withoutMavenOneSentenceSaysWhatToInstall() throws Exception {
    Files.delete(bin.resolve("mvn"));
    Run run = run(jdk(folder.resolve("jdk"), "25"));
    assertEquals(1, run.exitCode());
    assertEquals(
        "rap: needs Maven to build itself and found no mvn on PATH: install it (Debian, Ubuntu:"
            + " apt-get install maven)\n",
        run.err());
  }

  @Test
  void aTreeThatIsBuiltNeedsNeitherMavenNorACompiler() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    run(jdk);
    Files.delete(bin.resolve("mvn"));
    Files.delete(jdk.resolve("bin").resolve("javac"));
    assertEquals(0, run(jdk).exitCode());
  }

  @Test
  void testRunsMavensVerifyAndKeepsWhatItBuilt() throws Exception {
    Path jdk = jdk(folder.resolve("jdk"), "25");
    Run test = run(jdk, "test", "-Dtest=ATest");
    assertEquals(0, test.exitCode(), test.err());
    assertEquals(
        List.of("-B -q -ntp -Pjmh test-compile", "-B -ntp verify -Dtest=ATest"), mavenCalls());
    assertEquals("", run(jdk).err());
    assertEquals(2, mavenCalls().size());

    mavenRuns("exit 1");
    assertEquals(1, run(jdk, "test").exitCode());
  }
}
