package dev.rap.checkpoint;

import com.fasterxml.jackson.databind.JsonNode;
import dev.rap.InputException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** Finds the tensors of a folder, in one safetensors file or in those that its index names. */
final class SafetensorsFolder {
  private static final String SINGLE = "model.safetensors";
  private static final String INDEX = "model.safetensors.index.json";

  private SafetensorsFolder() {}

  static Map<String, StoredTensor> read(Path folder, Arena arena) {
    Path single = folder.resolve(SINGLE);
    if (Files.exists(single)) {
      return SafetensorsFile.read(single, arena);
    }
    Path indexFile = folder.resolve(INDEX);
    JsonNode index = JsonFile.find(indexFile).orElseThrow(() -> noWeights(folder));
    JsonNode weightMap = index.path("weight_map");
    if (!weightMap.isObject()) {
      throw damagedIndex(indexFile, "has no object weight_map");
    }
    Map<String, Map<String, StoredTensor>> shards = new HashMap<>();
    Map<String, StoredTensor> tensors = new HashMap<>();
    for (Map.Entry<String, JsonNode> entry : weightMap.properties()) {
      if (!TensorTable.isName(entry.getKey())) {
        throw damagedIndex(indexFile, "has a name that is empty, too long or holds controls");
      }
      String shard = shardName(indexFile, entry);
      StoredTensor tensor =
          shards
              .computeIfAbsent(shard, name -> SafetensorsFile.read(folder.resolve(name), arena))
              .get(entry.getKey());
      if (tensor == null) {
        throw damagedIndex(
            indexFile, "puts tensor %s in %s, which lacks it".formatted(entry.getKey(), shard));
      }
      tensors.put(entry.getKey(), tensor);
    }
    return tensors;
  }

  /** Only names of files in the same folder, or a folder could make us read anything. */
  private static String shardName(Path indexFile, Map.Entry<String, JsonNode> entry) {
    String name = entry.getValue().asText("");
    if (!name.matches("[A-Za-z0-9][A-Za-z0-9._-]{0,200}\\.safetensors")) {
      throw damagedIndex(
          indexFile,
          "puts tensor %s elsewhere than in a .safetensors file beside it"
              .formatted(entry.getKey()));
    }
    return name;
  }

  private static InputException damagedIndex(Path indexFile, String what) {
    return new InputException("%s: %s: fetch the folder again".formatted(indexFile, what));
  }

  private static InputException noWeights(Path folder) {
    String hint = "fetch the folder again";
    if (fileEndingWith(folder, ".gguf").isPresent()) {
      hint = "name its file " + fileEndingWith(folder, ".gguf").orElseThrow();
    } else if (fileEndingWith(folder, ".bin").isPresent()) {
      hint = "PyTorch's .bin files are not read, save the model as safetensors";
    }
    return new InputException(
        "%s: has neither %s nor %s: %s".formatted(folder, SINGLE, INDEX, hint));
  }

  private static Optional<Path> fileEndingWith(Path folder, String suffix) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(Path::getFileName).filter(n -> n.toString().endsWith(suffix)).findFirst();
    } catch (IOException e) {
      throw MappedFile.unreadable(folder, e);
    }
  }
}
