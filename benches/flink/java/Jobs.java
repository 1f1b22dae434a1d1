import java.util.Arrays;

/** Chooses a job by the first argument; the others are the job's. */
public final class Jobs {
    private Jobs() {}

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 0) {
            throw new IllegalArgumentException("the first argument says which job: word_count, keyed or paced");
        }
        Arguments rest = Arguments.parse(Arrays.copyOfRange(arguments, 1, arguments.length));
        switch (arguments[0]) {
            case "word_count":
                WordCount.run(rest);
                break;
            case "keyed":
                KeyedCount.run(rest);
                break;
            case "paced":
                Paced.run(rest);
                break;
            default:
                throw new IllegalArgumentException("there is no job called " + arguments[0]);
        }
    }
}
