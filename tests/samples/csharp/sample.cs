using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using Json = System.Text.Json.JsonSerializer;

namespace Garden.Sensors
{
    public delegate void Alarm(Reading reading);

    /// <summary>One measured value.</summary>
    public readonly record struct Reading(string Sensor, double Value, DateTime At);

    public enum Unit
    {
        Celsius,
        Percent,
    }

    public interface ISensor
    {
        string Name { get; }

        Task<Reading> ReadAsync();
    }

    public struct Range
    {
        public double Low;
        public double High;

        public Range(double low, double high)
        {
            Low = low;
            High = high;
        }

        public bool Holds(double value) => value >= Low && value <= High;
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class UnitAttribute : Attribute
    {
        public UnitAttribute(Unit unit)
        {
            Unit = unit;
        }

        public Unit Unit { get; }
    }

    [Unit(Unit.Percent)]
    public class MoistureSensor : ISensor
    {
        private readonly Random noise = new(7);

        public string Name { get; init; } = "moisture";

        public async Task<Reading> ReadAsync()
        {
            await Task.Delay(5);
            return new Reading(Name, noise.NextDouble() * 100, DateTime.UtcNow);
        }
    }

    public class Station<TSensor> : IDisposable
        where TSensor : ISensor
    {
        private readonly List<TSensor> sensors = new List<TSensor>();
        private readonly Dictionary<string, Range> ranges = new();

        public event Alarm? Raised;

        public int Count => sensors.Count;

        public Station(params TSensor[] given)
        {
            sensors.AddRange(given);
        }

        public Station<TSensor> Watch(string name, double low, double high)
        {
            ranges[name] = new Range(low, high);
            return this;
        }

        [Obsolete("use PollAsync")]
        public IReadOnlyList<Reading> Poll()
        {
            return PollAsync().GetAwaiter().GetResult();
        }

        public async Task<IReadOnlyList<Reading>> PollAsync(
            Func<Reading, bool>? keep = null,
            int attempts = 1)
        {
            bool Wanted(Reading reading) => keep?.Invoke(reading) ?? true;

            var readings = await Task.WhenAll(sensors.Select(sensor => sensor.ReadAsync()));
            foreach (var reading in readings.Where(Wanted))
            {
                if (ranges.TryGetValue(reading.Sensor, out var range) && !range.Holds(reading.Value))
                {
                    Raised?.Invoke(reading);
                }
            }
            return readings;
        }

        public string Export()
        {
            return Json.Serialize(ranges);
        }

        public void Dispose()
        {
            sensors.Clear();
            GC.SuppressFinalize(this);
        }
    }

    public static class StationExtensions
    {
        public static double Mean(this IEnumerable<Reading> readings)
        {
            return readings.Select(reading => reading.Value).DefaultIfEmpty().Average();
        }
    }
}

namespace Garden.Units
{
    public interface IGauge
    {
        event Action Filled;

        double Level(int probe);
    }

    public sealed class Litre : IGauge
    {
        public event Action Filled;

        ~Litre() { }

        public double Level(int probe) => probe;

        public static Litre operator +(Litre left, Litre right) => left;

        public static implicit operator double(Litre litre) => 1.0;
    }
}
