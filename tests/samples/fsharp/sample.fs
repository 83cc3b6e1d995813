/// Temperatures from several stations, cleaned and summed up by day.
namespace Weather.Stations

open System
open System.Collections.Generic

[<Measure>]
type celsius

/// One reading of one station.
type Reading =
    { Station: string
      At: DateTime
      Value: float<celsius> }

type Quality =
    | Good
    | Suspect of reason: string
    | Missing

type IStore =
    abstract member Save: Reading -> unit
    abstract member Count: int

exception StationSilent of string

module Limits =
    let coldest = -60.0<celsius>
    let hottest = 55.0<celsius>

    let within value = value >= coldest && value <= hottest

module Cleaning =
    let private seen = HashSet<string * DateTime>()

    /// Says what a reading is worth.
    let judge (reading: Reading) : Quality =
        if not (Limits.within reading.Value) then
            Suspect "out of range"
        elif not (seen.Add(reading.Station, reading.At)) then
            Suspect "twice"
        else
            Good

    let rec smooth window values =
        match values with
        | [] -> []
        | _ when List.length values < window -> values
        | _ :: rest -> (values |> List.take window |> List.average) :: smooth window rest

    let (|Hot|Mild|Cold|) value =
        if value > 25.0<celsius> then Hot
        elif value > 10.0<celsius> then Mild
        else Cold

    let describe value =
        match value with
        | Hot -> "hot"
        | Mild -> "mild"
        | Cold -> "cold"

type MemoryStore(limit: int) =
    let readings = ResizeArray<Reading>()

    member val Name = "memory" with get, set

    member this.Last = Seq.last readings

    member this.Find(station: string, ?since: DateTime) =
        let since = defaultArg since DateTime.MinValue
        readings |> Seq.filter (fun r -> r.Station = station && r.At >= since)

    static member Create() = MemoryStore(1000)

    interface IStore with
        member this.Save reading =
            if readings.Count >= limit then
                raise (StationSilent reading.Station)
            readings.Add reading

        member this.Count = readings.Count

module Report =
    open Cleaning

    let byDay (readings: seq<Reading>) =
        readings
        |> Seq.filter (fun reading -> judge reading = Good)
        |> Seq.groupBy (fun reading -> reading.At.Date)
        |> Seq.map (fun (day, group) ->
            let mean = group |> Seq.averageBy (fun reading -> reading.Value)
            day, mean)
        |> Map.ofSeq

    let inline private show (day: DateTime) (value: float<celsius>) =
        sprintf "%s %.1f" (day.ToString "yyyy-MM-dd") (float value)

    let print (store: MemoryStore) station =
        async {
            let days = store.Find station |> byDay
            for KeyValue(day, value) in days do
                printfn "%s %s" (show day value) (describe value)
            return days.Count
        }

module Program =
    [<EntryPoint>]
    let main arguments =
        let store = MemoryStore.Create()

        for station in arguments do
            (store :> IStore).Save
                { Station = station
                  At = DateTime.UtcNow
                  Value = 12.5<celsius> }

        Report.print store "north" |> Async.RunSynchronously |> ignore
        0

type IProbe =
    abstract member Read: int -> Async<float>
    abstract Name: string
