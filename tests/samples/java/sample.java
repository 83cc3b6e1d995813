package shop.orders;

import static java.util.stream.Collectors.toList;

import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.*;

import shop.mail.Mailer;

/** Takes orders, prices them and sends receipts. */
public final class OrderDesk implements AutoCloseable {

    private static final int LARGEST = 500;
    private final Map<String, Order> orders = new ConcurrentHashMap<>();
    private final Mailer mailer;
    private Pricing pricing = Pricing.LIST;

    @interface Audited {
        String value() default "order";
    }

    public enum Pricing {
        LIST {
            @Override
            long apply(long cents) {
                return cents;
            }
        },
        REDUCED {
            @Override
            long apply(long cents) {
                return Math.round(cents * 0.8);
            }
        };

        abstract long apply(long cents);
    }

    public record Line(String article, int count, long cents) {
        public Line {
            if (count < 1) {
                throw new IllegalArgumentException("count must be positive");
            }
        }

        long total() {
            return count * cents;
        }
    }

    sealed interface Event permits Placed, Cancelled {
        String id();

        default Instant at() {
            return Instant.now();
        }
    }

    record Placed(String id) implements Event {}

    record Cancelled(String id, String reason) implements Event {}

    public static class Order {
        private final List<Line> lines = new ArrayList<>();
        private final String id;

        Order(String id) {
            this.id = id;
        }

        public Order add(Line line) {
            lines.add(line);
            return this;
        }

        public long total(Function<Long, Long> discount) {
            return discount.apply(lines.stream().mapToLong(Line::total).sum());
        }
    }

    public OrderDesk(Mailer mailer) {
        this.mailer = mailer;
    }

    @Audited("place")
    public synchronized Order place(
            String id,
            List<Line> lines) throws IllegalStateException {
        if (orders.size() >= LARGEST) {
            throw new IllegalStateException("too many orders");
        }
        Order order = new Order(id);
        lines.forEach(order::add);
        orders.put(id, order);
        publish(new Placed(id));
        return order;
    }

    public Optional<Order> find(String id) {
        return Optional.ofNullable(orders.get(id));
    }

    private <E extends Event> void publish(E event) {
        switch (event) {
            case Placed placed -> mailer.send(placed.id(), "Thank you");
            case Cancelled cancelled -> mailer.send(cancelled.id(), cancelled.reason());
            default -> throw new AssertionError(event);
        }
    }

    public List<Long> totals() {
        UnaryOperator<Long> discount = cents -> pricing.apply(cents);
        return orders.values().stream().map(order -> order.total(discount)).collect(toList());
    }

    @Override
    public void close() {
        Runnable report = new Runnable() {
            @Override
            public void run() {
                mailer.flush();
            }
        };
        report.run();
    }
}
