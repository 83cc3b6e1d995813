port module Counter exposing (Model, Msg(..), init, main, update, view)

{-| A counter with a history that can be undone.
-}

import Browser
import Html exposing (Html, button, div, li, text, ul)
import Html.Attributes exposing (class, disabled)
import Html.Events exposing (onClick)
import Json.Decode as Decode exposing (Decoder)
import Json.Encode as Encode


port save : Encode.Value -> Cmd msg


port loaded : (Decode.Value -> msg) -> Sub msg


type alias Model =
    { count : Int
    , history : List Step
    , limit : Maybe Int
    }


type Step
    = Added Int
    | Doubled


type Msg
    = Add Int
    | Double
    | Undo
    | Loaded Decode.Value


type Validated a
    = Valid a
    | Invalid String


init : () -> ( Model, Cmd Msg )
init _ =
    ( { count = 0, history = [], limit = Just 100 }, Cmd.none )


{-| What happens on a message.
-}
update : Msg -> Model -> ( Model, Cmd Msg )
update msg model =
    case msg of
        Add amount ->
            model
                |> apply (Added amount)
                |> saved

        Double ->
            model |> apply Doubled |> saved

        Undo ->
            case model.history of
                [] ->
                    ( model, Cmd.none )

                step :: rest ->
                    saved { model | count = undo step model.count, history = rest }

        Loaded value ->
            case Decode.decodeValue decoder value of
                Ok count ->
                    ( { model | count = count }, Cmd.none )

                Err _ ->
                    ( model, Cmd.none )


apply : Step -> Model -> Model
apply step model =
    let
        next =
            case step of
                Added amount ->
                    model.count + amount

                Doubled ->
                    model.count * 2

        within limit =
            next <= limit
    in
    if Maybe.map within model.limit |> Maybe.withDefault True then
        { model | count = next, history = step :: model.history }

    else
        model


undo : Step -> Int -> Int
undo step count =
    case step of
        Added amount ->
            count - amount

        Doubled ->
            count // 2


saved : Model -> ( Model, Cmd Msg )
saved model =
    ( model, save (Encode.int model.count) )


decoder : Decoder Int
decoder =
    Decode.field "count" Decode.int


validate : Int -> Validated Int
validate count =
    if count < 0 then
        Invalid "below zero"

    else
        Valid count


view : Model -> Html Msg
view model =
    div [ class "counter" ]
        [ button [ onClick (Add 1) ] [ text "+1" ]
        , button [ onClick Double ] [ text "x2" ]
        , button [ onClick Undo, disabled (List.isEmpty model.history) ] [ text "undo" ]
        , text (String.fromInt model.count)
        , ul [] (List.map viewStep model.history)
        ]


viewStep : Step -> Html msg
viewStep step =
    li [] [ text (Debug.toString step) ]


main : Program () Model Msg
main =
    Browser.element
        { init = init
        , update = update
        , view = view
        , subscriptions = \_ -> loaded Loaded
        }
