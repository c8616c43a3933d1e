package dev.rap.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where cuBLAS is looked for, with empty files in its place. */
class CublasPlacesTest {
  private static final String NAME = "libcublas.so.13";

  @TempDir private Path root;
  private final Map<String, String> environment = new HashMap<>();

  private Path library(String folder) throws IOException {
    Path directory = Files.createDirectories(root.resolve(folder));
    return Files.createFile(directory.resolve(NAME));
  }

  private void point(String variable, String... folders) {
    environment.put(
        variable,
        String.join(":", List.of(folders).stream().map(folder -> root + "/" + folder).toList()));
  }

  private List<Path> found() {
    return new CublasPlaces(environment, root).files(NAME);
  }

  @Test
  void toolkitsAreLookedThrough() throws IOException {
    Path versioned = library("usr/local/cuda-13.1/lib64");
    Path older = library("usr/local/cuda-12.8/targets/x86_64-linux/lib");
    Path usual = library("usr/local/cuda/lib64");
    Path named = library("opt/kit/lib64");
    Path preferred = library("mine");
    point("CUDA_HOME", "opt/kit");
    point("LD_LIBRARY_PATH", "nowhere", "mine");
    assertEquals(List.of(preferred, named, usual, versioned, older), found());
  }

  @Test
  void packagesOfPythonAreLookedThrough() throws IOException {
    Path inVenv = library("venv/lib/python3.12/site-packages/nvidia/cu13/lib");
    Path inConda = library("conda/lib");
    Path onPath = library("py/lib/python3.11/site-packages/nvidia/cublas/lib");
    Path ofUser = library("home/.local/lib/python3.12/site-packages/nvidia/cu13/lib");
    Path ofSystem = library("usr/local/lib/python3.10/dist-packages/nvidia/cu13/lib");
    point("VIRTUAL_ENV", "venv");
    point("CONDA_PREFIX", "conda");
    point("HOME", "home");
    point("PATH", "py/bin", "usr/bin");
    Files.createDirectories(root.resolve("py/bin"));
    Files.createFile(
        root.resolve("py/bin/python3"),
        PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
    assertEquals(List.of(inVenv, inConda, onPath, ofUser, ofSystem), found());
  }

  @Test
  void nothingIsFoundWhereThereIsNothing() {
    environment.put("CUDA_HOME", "");
    environment.put("LD_LIBRARY_PATH", "relative:");
    assertEquals(List.of(), found());
  }
}
