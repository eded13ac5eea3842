package dev.serai.location;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.serai.location.LocationPolicyReader.InvalidPolicyException;
import dev.serai.location.LocationRule.Need;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class LocationPolicyTest {
  private static final String EK = "000b" + "11".repeat(32);
  private static final String REGIONS =
      "\"regions\":{\"a\":{\"circle\":{\"latitude\":1,\"longitude\":2,\"radius-metres\":3}}}";

  private static LocationPolicy read(String json) throws Exception {
    return LocationPolicyReader.read("location", new ObjectMapper().readTree(json));
  }

  @Test
  void the_first_group_that_names_a_node_counts_and_else_the_default() throws Exception {
    LocationPolicy policy =
        read(
            "{"
                + REGIONS
                + ",\"default\":{\"need\":\"forbidden\"},\"groups\":["
                + "{\"nodes\":[\"edge-*\"],\"need\":\"required\",\"regions\":[\"a\"],"
                + "\"max-age\":\"90s\",\"minimum-assurance\":\"both\",\"border\":\"overlap\","
                + "\"hysteresis-metres\":7,\"max-accuracy-metres\":50,\"max-speed-kmh\":100},"
                + "{\"nodes\":[\"ek:"
                + EK.toUpperCase(java.util.Locale.ROOT)
                + "\",\"edge-1\"],\"need\":\"optional\"}]}");
    LocationRule edge = policy.ruleFor("edge-1", EK);
    assertThat(edge.need()).isEqualTo(Need.REQUIRED);
    assertThat(edge.maxAge()).isEqualTo(Duration.ofSeconds(90));
    assertThat(edge.minimum()).isEqualTo(Assurance.BOTH);
    assertThat(edge.border()).isEqualTo(LocationRule.Border.OVERLAP);
    assertThat(edge.hysteresisMetres()).isEqualTo(7);
    assertThat(edge.maxSpeedKmh()).isEqualTo(100);
    assertThat(edge.maxAccuracyMetres()).isEqualTo(50);
    assertThat(edge.regions()).extracting(Region::name).containsExactly("a");
    assertThat(policy.ruleFor("n1", EK).need()).isEqualTo(Need.OPTIONAL);
    assertThat(policy.ruleFor("edge", "000b").need()).isEqualTo(Need.FORBIDDEN);
    assertThat(policy.demandsLocation()).isTrue();
    assertThat(read("{\"default\":{\"need\":\"optional\"}}").demandsLocation()).isFalse();
  }

  @Test
  void w28_no_pattern_allows_that_there_is_no_location() throws Exception {
    LocationRule rule =
        read("{\"default\":{\"need\":\"required\",\"sensors\":[\"*\"]}}").ruleFor("n1", EK);
    assertThat(
            LocationJudge.before(rule, java.util.Optional.empty(), java.time.Instant.EPOCH)
                .orElseThrow())
        .isInstanceOf(LocationJudge.Denied.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{} | location.default",
        "{'default':{}} | location.default.need",
        "{'default':{'need':'maybe'}} | location.default.need",
        "{'default':{'need':'optional','colour':1}} | location.default.colour",
        "{'x':1,'default':{'need':'optional'}} | location.x",
        "{'default':{'need':'required','regions':['b']}} | location.default.regions[0]",
        "{'default':{'need':'required','regions':[]}} | location.default.regions",
        "{'default':{'need':'required','sensors':[]}} | location.default.sensors",
        "{'default':{'need':'required','sensors':['usb']}} | location.default.sensors[0]",
        "{'default':{'need':'required','max-age':'1s'}} | location.default.max-age",
        "{'default':{'need':'required','max-age':'25h'}} | location.default.max-age",
        "{'default':{'need':'required','max-age':600}} | location.default.max-age",
        "{'default':{'need':'required','max-speed-kmh':0}} | location.default",
        "{'default':{'need':'required','max-accuracy-metres':-1}} | location.default",
        "{'default':{'need':'required','hysteresis-metres':-1}} | location.default",
        "{'default':{'need':'required','minimum-assurance':'sure'}} |"
            + " location.default.minimum-assurance",
        "{'default':{'need':'required','device-check':'policy'}} | location.default.device-check",
        "{'default':{'need':'required','device-check':'policy','sensors':['mobile:*']}} |"
            + " location.default.device-check",
        "{'default':{'need':'required','device-check':'policy','sensors':['mobile:a'],'minimum-assurance':'both'}}"
            + " | location.default.device-check",
        "{'default':{'need':'forbidden','max-age':'5m'}} | location.default.max-age",
        "{'default':{'need':'optional','nodes':['a']}} | location.default.nodes",
        "{'default':{'need':'optional'},'groups':[{'need':'optional'}]} | location.groups[0].nodes",
        "{'default':{'need':'optional'},'groups':[{'nodes':['a b'],'need':'optional'}]} |"
            + " location.groups[0].nodes[0]",
        "{'default':{'need':'optional'},'regions':{'A':{'circle':{'latitude':1,'longitude':2,'radius-metres':3}}}}"
            + " | location.regions.A",
        "{'default':{'need':'optional'},'regions':{'a':{}}} | location.regions.a",
        "{'default':{'need':'optional'},'regions':{'a':{'circle':{'latitude':91,'longitude':2,'radius-metres':3}}}}"
            + " | location.regions.a",
        "{'default':{'need':'optional'},'regions':{'a':{'geojson':{'type':'Point'}}}} |"
            + " location.regions.a"
      })
  void a_mistake_is_named_with_its_key(String json, String key) {
    assertThatThrownBy(() -> read(json.replace('\'', '"')))
        .isInstanceOfSatisfying(
            InvalidPolicyException.class, e -> assertThat(e.key()).isEqualTo(key));
  }
}
