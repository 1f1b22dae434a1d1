import java.io.ByteArrayInputStream;
import java.io.ObjectInputStream;
import java.util.Base64;
import org.apache.flink.util.SerializedThrowable;

/** Reads a serialised throwable as Flink's clients do and prints what they see of it. */
public class ReadThrowable {
    public static void main(String[] arguments) throws Exception {
        byte[] bytes = Base64.getDecoder().decode(arguments[0]);
        Object read = new ObjectInputStream(new ByteArrayInputStream(bytes)).readObject();
        SerializedThrowable throwable = (SerializedThrowable) read;
        Throwable error = throwable.deserializeError(ReadThrowable.class.getClassLoader());
        System.out.println(throwable.getOriginalErrorClassName());
        System.out.println(error.getMessage());
        System.out.println(throwable.getFullStringifiedStackTrace());
        System.out.println(error.getStackTrace().length + " " + error.getCause());
        error.printStackTrace();
    }
}
