package dev.rap.pruning;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.rap.dqn.DqnConfig;
import dev.rap.dqn.QNetwork;
import dev.rap.model.MeanInputs;
import dev.rap.model.Sublayer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Optional;

/**
 * The form of MODEL.rap: one JSON object. Losses are nats a token, sublayers are named by index,
 * arrays of floats are base64 of little-endian IEEE singles.
 */
final class ProfileFile {
  private static final String FORMAT = "rap-profile";
  private static final int VERSION = 1;
  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  private ProfileFile() {}

  private static JsonFile at(Path file) {
    return new JsonFile("profile", file, "make a new one with './rap calibrate'");
  }

  static Profile read(Path file) {
    return at(file).read(ProfileFile::profile);
  }

  static void write(Profile profile, Path file) {
    at(file).write(tree(profile));
  }

  private static Profile profile(JsonFields file) {
    if (!file.text("format").equals(FORMAT)) {
      throw new IllegalArgumentException("format must be " + FORMAT);
    }
    int version = file.integer("version");
    if (version != VERSION) {
      throw new IllegalArgumentException("version must be %d, was %d".formatted(VERSION, version));
    }
    JsonFields model = file.object("model");
    JsonFields calibration = file.object("calibration");
    Profile profile =
        new Profile(
            model.text("fingerprint"),
            model.text("name"),
            calibration.text("digest"),
            calibration.longInteger("tokens"),
            file.number("denseLoss"),
            file.objects("gsi").stream().map(ProfileFile::round).toList(),
            new MeanInputs(file.floatArrays("means").toArray(float[][]::new)),
            file.objects("measured").stream().map(ProfileFile::measured).toList(),
            file.optionalObject("agent").map(ProfileFile::agent));
    model.end();
    calibration.end();
    file.end();
    return profile;
  }

  private static GsiRound round(JsonFields fields) {
    GsiRound round = new GsiRound(fields.integer("removed"), fields.numbers("losses"));
    fields.end();
    return round;
  }

  private static MeasuredMask measured(JsonFields fields) {
    MeasuredMask mask = new MeasuredMask(fields.integers("removed"), fields.number("loss"));
    fields.end();
    return mask;
  }

  private static Agent agent(JsonFields fields) {
    JsonFields training = fields.object("training");
    Agent agent =
        new Agent(
            config(fields.node("config")),
            new QNetwork(
                fields.integer("inputs"),
                fields.integer("hidden"),
                fields.integer("outputs"),
                fields.floats("parameters")),
            new Agent.Training(
                training.integer("episodes"),
                training.longInteger("steps"),
                training.integer("masksMeasured"),
                training.numberOrNull("surrogateError"),
                training.number("gridLoss"),
                training.number("gsiGridLoss")));
    training.end();
    fields.end();
    return agent;
  }

  private static DqnConfig config(JsonNode node) {
    if (!node.isObject()) {
      throw new IllegalArgumentException("agent.config must be an object");
    }
    try {
      return JsonFile.MAPPER.treeToValue(node, DqnConfig.class);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("agent.config: " + JsonFile.oneLine(e), e);
    }
  }

  private static String base64(float[] floats) {
    ByteBuffer bytes =
        ByteBuffer.allocate(floats.length * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(floats);
    return Base64.getEncoder().encodeToString(bytes.array());
  }

  private static ObjectNode tree(Profile profile) {
    ObjectNode file = NODES.objectNode().put("format", FORMAT).put("version", VERSION);
    file.putObject("model")
        .put("name", profile.modelName())
        .put("fingerprint", profile.modelFingerprint());
    file.putObject("calibration")
        .put("digest", profile.calibrationDigest())
        .put("tokens", profile.calibrationTokens());
    file.put("denseLoss", profile.denseLoss());
    ArrayNode gsi = file.putArray("gsi");
    for (GsiRound round : profile.gsi()) {
      ArrayNode losses = gsi.addObject().put("removed", round.removed()).putArray("losses");
      round.losses().forEach(loss -> losses.add(loss.isNaN() ? null : loss));
    }
    ArrayNode means = file.putArray("means");
    for (int i = 0; i < profile.sublayers(); i++) {
      means.add(base64(profile.means().of(Sublayer.of(i))));
    }
    putMeasured(file.putArray("measured"), profile.measured());
    putAgent(file, profile.agent());
    return file;
  }

  private static void putMeasured(ArrayNode array, List<MeasuredMask> masks) {
    for (MeasuredMask mask : masks) {
      ObjectNode object = array.addObject();
      mask.removed().forEach(object.putArray("removed")::add);
      object.put("loss", mask.loss());
    }
  }

  private static void putAgent(ObjectNode file, Optional<Agent> trained) {
    if (trained.isEmpty()) {
      file.putNull("agent");
      return;
    }
    Agent agent = trained.get();
    QNetwork network = agent.network();
    ObjectNode object = file.putObject("agent");
    object.set("config", JsonFile.MAPPER.valueToTree(agent.config()));
    object
        .put("inputs", network.inputs())
        .put("hidden", network.hidden())
        .put("outputs", network.outputs())
        .put("parameters", base64(network.parameters()));
    Agent.Training training = agent.training();
    ObjectNode came =
        object
            .putObject("training")
            .put("episodes", training.episodes())
            .put("steps", training.steps())
            .put("masksMeasured", training.masksMeasured());
    putNumber(came, "surrogateError", training.surrogateError());
    came.put("gridLoss", training.gridLoss()).put("gsiGridLoss", training.gsiGridLoss());
  }

  private static void putNumber(ObjectNode object, String name, double number) {
    object.put(name, Double.isNaN(number) ? null : number);
  }
}
