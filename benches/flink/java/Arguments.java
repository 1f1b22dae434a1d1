import java.util.HashMap;
import java.util.Map;

/** Options of a job, each a name with dashes and a value. */
final class Arguments {
    private final Map<String, String> values = new HashMap<>();

    static Arguments parse(String[] words) {
        Arguments arguments = new Arguments();
        for (int i = 0; i + 1 < words.length; i += 2) {
            if (!words[i].startsWith("--")) {
                throw new IllegalArgumentException("expected an option instead of " + words[i]);
            }
            arguments.values.put(words[i].substring(2), words[i + 1]);
        }
        return arguments;
    }

    /** The option's value; null where it isn't given. */
    String get(String name) {
        return values.get(name);
    }

    String get(String name, String otherwise) {
        return values.getOrDefault(name, otherwise);
    }

    String need(String name) {
        String value = values.get(name);
        if (value == null) {
            throw new IllegalArgumentException("--" + name + " is missing");
        }
        return value;
    }

    long number(String name) {
        return Long.parseLong(need(name));
    }
}
