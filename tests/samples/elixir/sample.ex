defmodule Parcel do
  @moduledoc """
  Parcels on their way, with a process that follows each of them.
  """

  alias Parcel.{Address, Tracker}
  alias Carrier.Api, as: Remote
  import Enum, only: [map: 2]
  require Logger

  @enforce_keys [:id, :to]
  defstruct [:id, :to, weight: 0, stops: []]

  @type t :: %__MODULE__{id: String.t(), weight: non_neg_integer()}
  @heavy 30_000

  @doc "Builds a parcel; the weight is in grams."
  @spec new(String.t(), Address.t(), keyword()) :: t()
  def new(id, %Address{} = to, options \\ []) do
    weight = Keyword.get(options, :weight, 0)
    %__MODULE__{id: id, to: to, weight: weight}
  end

  defguard is_heavy(parcel) when parcel.weight > @heavy

  def price(%__MODULE__{weight: weight}) when weight > @heavy, do: surcharge(weight)
  def price(%__MODULE__{}), do: 500

  defp surcharge(weight) do
    500 + div(weight - @heavy, 1000) * 90
  end

  def move(%__MODULE__{stops: stops} = parcel, place) do
    Logger.info("#{parcel.id} is at #{place}")
    %{parcel | stops: [place | stops]}
  end

  def route(parcels) do
    parcels
    |> Enum.group_by(& &1.to.city)
    |> map(fn {city, group} -> {city, length(group)} end)
    |> Enum.sort()
  end

  def send_off(parcel) do
    with {:ok, label} <- Remote.label(parcel),
         :ok <- Tracker.follow(parcel, label) do
      {:ok, label}
    else
      {:error, reason} -> {:error, reason}
    end
  end

  defmacro logged(name, do: block) do
    quote do
      Logger.debug(unquote(name))
      unquote(block)
    end
  end

  defmodule Tracker do
    use GenServer

    def start_link(options) do
      GenServer.start_link(__MODULE__, options, name: __MODULE__)
    end

    def follow(parcel, label), do: GenServer.call(__MODULE__, {:follow, parcel, label})

    @impl true
    def init(_options) do
      {:ok, %{}}
    end

    @impl true
    def handle_call({:follow, parcel, label}, _from, state) do
      {:reply, :ok, Map.put(state, label, parcel)}
    end

    def handle_call(:count, _from, state) do
      {:reply, map_size(state), state}
    end
  end
end

defprotocol Parcel.Label do
  @doc "The lines that are printed."
  def lines(value)
end

defimpl Parcel.Label, for: Parcel do
  def lines(parcel) do
    [parcel.id, to_string(parcel.weight) <> " g"]
  end
end

defmodule ParcelTest do
  use ExUnit.Case, async: true

  describe "price/1" do
    test "a light parcel has the base price" do
      parcel = Parcel.new("p1", %Parcel.Address{city: "Bergen"})
      assert Parcel.price(parcel) == 500
    end
  end
end

defmodule Parcel.Carrier do
  @callback pick_up(parcel :: Parcel.t(), on :: Date.t()) :: :ok | {:error, term}
  @callback name() :: String.t()
  @macrocallback route(term) :: Macro.t() when term: var

  @optional_callbacks name: 0
end
