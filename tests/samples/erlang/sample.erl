%% A key-value store with expiry, one process for each store.
-module(expiring).
-behaviour(gen_server).

-export([start_link/1, put/3, get/2, size/1, stop/1]).
-export([init/1, handle_call/3, handle_cast/2, handle_info/2, terminate/2]).

-include_lib("eunit/include/eunit.hrl").

-define(SWEEP_MS, 1000).
-define(NOW(), erlang:monotonic_time(millisecond)).

-type key() :: term().
-type options() :: #{ttl => pos_integer(), limit => pos_integer()}.
-opaque handle() :: pid().

-record(entry, {
    value :: term(),
    expires :: integer()
}).

-record(state, {
    entries = #{} :: #{key() => #entry{}},
    ttl = 60000 :: pos_integer(),
    limit = infinity
}).

%%% What others call.

-spec start_link(options()) -> {ok, handle()}.
start_link(Options) ->
    gen_server:start_link(?MODULE, Options, []).

-spec put(handle(), key(), term()) -> ok.
put(Store, Key, Value) ->
    gen_server:cast(Store, {put, Key, Value}).

get(Store, Key) ->
    case gen_server:call(Store, {get, Key}) of
        {ok, Value} -> Value;
        missing -> undefined
    end.

size(Store) ->
    gen_server:call(Store, size).

stop(Store) ->
    gen_server:stop(Store).

%%% What the process does.

init(Options) ->
    erlang:send_after(?SWEEP_MS, self(), sweep),
    {ok, configure(maps:to_list(Options), #state{})}.

handle_call({get, Key}, _From, State = #state{entries = Entries}) ->
    Now = ?NOW(),
    Reply = case Entries of
        #{Key := #entry{value = Value, expires = Expires}} when Expires > Now ->
            {ok, Value};
        _ ->
            missing
    end,
    {reply, Reply, State};
handle_call(size, _From, State) ->
    {reply, maps:size(State#state.entries), State}.

handle_cast({put, Key, Value}, State) ->
    {noreply, store(Key, Value, State)};
handle_cast(_Other, State) ->
    {noreply, State}.

handle_info(sweep, State) ->
    erlang:send_after(?SWEEP_MS, self(), sweep),
    {noreply, sweep(State)}.

terminate(_Reason, _State) ->
    ok.

%%% Inside.

configure([], State) ->
    State;
configure([{ttl, Ttl} | Rest], State) when is_integer(Ttl), Ttl > 0 ->
    configure(Rest, State#state{ttl = Ttl});
configure([{limit, Limit} | Rest], State) ->
    configure(Rest, State#state{limit = Limit}).

store(Key, Value, State = #state{entries = Entries, ttl = Ttl}) ->
    Entry = #entry{value = Value, expires = ?NOW() + Ttl},
    State#state{entries = trim(Entries#{Key => Entry}, State#state.limit)}.

trim(Entries, infinity) ->
    Entries;
trim(Entries, Limit) when map_size(Entries) =< Limit ->
    Entries;
trim(Entries, Limit) ->
    [{Oldest, _} | _] = lists:sort(
        fun({_, A}, {_, B}) -> A#entry.expires =< B#entry.expires end,
        maps:to_list(Entries)
    ),
    trim(maps:remove(Oldest, Entries), Limit).

sweep(State = #state{entries = Entries}) ->
    Now = ?NOW(),
    Alive = maps:filter(fun(_Key, #entry{expires = E}) -> E > Now end, Entries),
    State#state{entries = Alive}.

a_value_is_found_test() ->
    {ok, Store} = start_link(#{ttl => 50}),
    ok = put(Store, colour, blue),
    ?assertEqual(blue, get(Store, colour)),
    stop(Store).
