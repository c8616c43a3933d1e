package dev.rap.cuda;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Folders in which cuBLAS may lie where the system does not look by itself: CUDA toolkits, and
 * Python's packages, which bring it along.
 *
 * @param environment as {@link System#getenv()}
 * @param root of the file system
 */
record CublasPlaces(Map<String, String> environment, Path root) {

  /** {@return the files of this name, those that the user points at first} */
  List<Path> files(String name) {
    List<Path> files = new ArrayList<>();
    for (Path folder : folders()) {
      Path file = folder.resolve(name);
      if (Files.isRegularFile(file)) {
        files.add(file);
      }
    }
    return files;
  }

  private Set<Path> folders() {
    Set<Path> folders = new LinkedHashSet<>(paths("LD_LIBRARY_PATH"));
    for (String variable : List.of("CUDA_HOME", "CUDA_PATH")) {
      paths(variable).forEach(toolkit -> addToolkit(folders, toolkit));
    }
    addToolkit(folders, root.resolve("usr/local/cuda"));
    matching(root.resolve("usr/local"), "cuda-*").forEach(kit -> addToolkit(folders, kit));
    for (Path prefix : pythonPrefixes()) {
      addPackages(folders, prefix);
    }
    return folders;
  }

  private static void addToolkit(Set<Path> folders, Path toolkit) {
    folders.add(toolkit.resolve("lib64"));
    folders.add(toolkit.resolve("lib"));
    folders.add(toolkit.resolve("targets/x86_64-linux/lib"));
  }

  // Conda puts libraries into the prefix, pip into folders of its packages for CUDA 12 and 13.
  private static void addPackages(Set<Path> folders, Path prefix) {
    folders.add(prefix.resolve("lib"));
    for (Path python : matching(prefix.resolve("lib"), "python3*")) {
      for (String packages : List.of("site-packages", "dist-packages")) {
        Path nvidia = python.resolve(packages).resolve("nvidia");
        folders.add(nvidia.resolve("cublas/lib"));
        folders.add(nvidia.resolve("cu13/lib"));
      }
    }
  }

  private Set<Path> pythonPrefixes() {
    Set<Path> prefixes = new LinkedHashSet<>();
    prefixes.addAll(paths("VIRTUAL_ENV"));
    prefixes.addAll(paths("CONDA_PREFIX"));
    for (Path programs : paths("PATH")) {
      if (Files.isExecutable(programs.resolve("python3")) && programs.getParent() != null) {
        prefixes.add(programs.getParent());
      }
    }
    paths("HOME").forEach(home -> prefixes.add(home.resolve(".local")));
    prefixes.add(root.resolve("usr/local"));
    prefixes.add(root.resolve("usr"));
    return prefixes;
  }

  private Collection<Path> paths(String variable) {
    List<Path> paths = new ArrayList<>();
    for (String path : environment.getOrDefault(variable, "").split(":", -1)) {
      if (path.startsWith("/")) {
        paths.add(Path.of(path));
      }
    }
    return paths;
  }

  /** {@return what lies in {@code folder} under such a name, the highest first} */
  private static List<Path> matching(Path folder, String glob) {
    List<Path> found = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(folder, glob)) {
      entries.forEach(found::add);
    } catch (IOException e) {
      return List.of(); // there is no such folder
    }
    found.sort(Comparator.reverseOrder());
    return found;
  }
}
